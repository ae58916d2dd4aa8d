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
	"github.com/farspoke/farspoke/internal/pid1/disk"
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

// configFile returns the path of the box's configuration, and makes one that can be
// written: on the disk if there is one, which PID 1 has filled from the image at the
// first start, else in memory, for what is committed until the power goes.
func configFile(booted bootstate.Report) (string, error) {
	dir := filepath.Join(booted.Data, "config")
	if booted.Data == "" {
		dir = memoryConfig
		if err := disk.Seed(filepath.Dir(imageConfig), dir); err != nil {
			return imageConfig, err
		}
	}
	path := filepath.Join(dir, filepath.Base(imageConfig))
	if _, err := os.Stat(path); err != nil {
		return imageConfig, nil // which is to blame if there is none either
	}
	return path, nil
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
