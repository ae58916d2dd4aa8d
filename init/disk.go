package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/checkpoint"
)

// stores are where components keep what they must not forget: over the end of the
// router process, and over that of the power.
type stores struct {
	memory, disk checkpoint.Dir
}

// bootReport returns PID 1's report on the start of the box, the zero one if it has
// not started from its disk.
func bootReport(log *slog.Logger) bootstate.Report {
	report, err := readBootReport()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("how the box has started is unknown, and its disk is not used", "err", err)
	}
	return report
}

func readBootReport() (bootstate.Report, error) {
	data, err := os.ReadFile(bootstate.ReportFile)
	if err != nil {
		return bootstate.Report{}, err
	}
	var report bootstate.Report
	if err := json.Unmarshal(data, &report); err != nil {
		return bootstate.Report{}, fmt.Errorf("read report on the start: %w", err)
	}
	return report, nil
}

// configFile returns the path of the box's configuration: on the disk if there is
// one, which PID 1 has filled from the image at the first start.
func configFile(booted bootstate.Report) string {
	if booted.Data != "" {
		path := filepath.Join(booted.Data, "config", "farspoke.yaml")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return imageConfig
}

// openRecords returns the store for what outlasts the power: memory if there is no
// disk.
func openRecords(booted bootstate.Report, memory checkpoint.Dir) (checkpoint.Dir, error) {
	if booted.Data == "" {
		return memory, nil
	}
	dir, err := checkpoint.Open(filepath.Join(booted.Data, "records"))
	if err != nil {
		return memory, err
	}
	return dir, nil
}
