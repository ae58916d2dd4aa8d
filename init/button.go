package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/button"
)

// newButton returns the task that resets the box by its button. It is nil on a board
// without a button, and on a box that has not started from its disk: there is nothing
// that a reset could erase.
func newButton(booted bootstate.Report, reset func(context.Context) error, log *slog.Logger) *button.Button {
	this, err := board.Detect(os.DirFS("/proc"))
	if err != nil || this.Button == (board.Button{}) || booted.Slot == "" {
		return nil
	}
	return button.New(button.Key(this.Button), button.Kernel{}, reset, log.With("component", "button"))
}
