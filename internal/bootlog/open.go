package bootlog

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// Log is a logger together with the kernel's log that it writes to.
type Log struct {
	*slog.Logger
	// Kmsg takes one record per write.
	Kmsg *os.File
}

// Open returns the log of the named process of the box. Without /dev, standard
// error takes the place of what is missing: a box says what is wrong as long
// as it can say anything. The word "debug" on the kernel's command line makes
// it talkative.
func Open(process string) Log {
	kmsg, errKmsg := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if errKmsg != nil {
		kmsg = os.Stderr
	}
	console, errConsole := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if errConsole != nil {
		console = os.Stderr
	}
	level := slog.LevelInfo
	if cmdline, err := os.ReadFile("/proc/cmdline"); err == nil && slices.Contains(strings.Fields(string(cmdline)), "debug") {
		level = slog.LevelDebug
	}
	log := slog.New(New(process, kmsg, console, level))
	for _, err := range []error{errKmsg, errConsole} {
		if err != nil {
			log.Error("log goes to standard error", "err", fmt.Errorf("open log: %w", err))
		}
	}
	return Log{log, kmsg}
}
