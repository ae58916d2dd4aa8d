// Package button lets a person in front of the box bring it back to its factory
// state with nothing but a finger:
//
//	held for less than Hold            nothing
//	let go between Hold and Limit      a factory reset; the LED flickers meanwhile
//	held for longer                    nothing: somebody has thought better of it, or the key is stuck
//	down since before anybody looked   nothing, however long
//
// A short press does nothing at all, not even a restart: a box stands where people
// dust. What counts is that the key is let go, so a key that is stuck never resets
// anything.
package button

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/farspoke/farspoke/internal/bootlog"
)

const (
	// Hold is from when on letting go means a reset. It is as long as most makers of
	// routers have it, and longer than anybody holds a button to see what it does.
	Hold = 10 * time.Second
	// Limit is from when on it means nothing again.
	Limit = 30 * time.Second
	// resetLimit is how long the box may take to accept the order.
	resetLimit = 10 * time.Second
)

// Inputs are the kernel's input devices.
type Inputs interface {
	// Await returns the device of the given name once it is there: its driver may
	// come late.
	Await(ctx context.Context, name string) (Device, error)
}

// Device is an open input device.
type Device interface {
	// Held says whether a key is down. What the kernel has to report of keys from
	// before is dropped by that.
	Held(code uint16) (bool, error)
	// Read waits for the next event.
	Read() (Event, error)
	// Close ends a Read that waits.
	Close() error
}

// Key is one key of an input device, as board.Button has it.
type Key struct {
	Input string
	Code  uint16
}

// Button follows one key. It is a supervise.Task.
type Button struct {
	key    Key
	inputs Inputs
	reset  func(context.Context) error
	log    *slog.Logger
	armed  atomic.Bool
}

// New returns the task that follows key and calls reset, which is to order a factory
// reset and to return when that is accepted.
func New(key Key, inputs Inputs, reset func(context.Context) error, log *slog.Logger) *Button {
	return &Button{key: key, inputs: inputs, reset: reset, log: log}
}

func (b *Button) String() string { return "button" }

// Armed says whether letting go of the button now means a reset, or has meant one.
func (b *Button) Armed() bool { return b.armed.Load() }

// Run follows the key until ctx is cancelled or the device is gone.
func (b *Button) Run(ctx context.Context) error {
	device, err := b.inputs.Await(ctx, b.key.Input)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("wait for the button: %w", err)
	}
	defer device.Close()
	defer b.armed.Store(false) // also if the device goes in the middle of a press
	if held, err := device.Held(b.key.Code); err != nil {
		return fmt.Errorf("look at the button: %w", err)
	} else if held {
		b.log.Warn("the button is down already: that does nothing until it has been up", "input", b.key.Input)
	}
	b.log.Info("the button works", "input", b.key.Input, bootlog.MilestoneKey, "button")
	return b.follow(ctx, device)
}

// follow judges what the key does.
func (b *Button) follow(ctx context.Context, device Device) error {
	events, failed := make(chan Event), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for {
			e, err := device.Read()
			if err != nil {
				failed <- err
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	var key press
	phase := time.NewTimer(Limit) // the end of the part of a press that is now
	phase.Stop()
	for {
		select {
		case e := <-events:
			was := key
			reset := key.handle(e, b.key.Code)
			if key == was {
				continue
			}
			b.armed.Store(reset)
			phase.Stop()
			if key.down {
				phase.Reset(Hold)
			}
			if reset {
				b.order(ctx)
			}
		case <-phase.C:
			if b.armed.Load() {
				b.armed.Store(false)
				b.log.Warn("the button was held for too long and does nothing", "limit", Limit)
				continue
			}
			b.armed.Store(true)
			phase.Reset(Limit - Hold)
			b.log.Warn("letting go of the button now means a factory reset", "within", Limit-Hold)
		case err := <-failed:
			return fmt.Errorf("follow the button: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// order orders the reset. The box stays armed, as its light shows, until it restarts.
func (b *Button) order(ctx context.Context) {
	b.log.Warn("the button asks for a factory reset")
	ctx, cancel := context.WithTimeout(ctx, resetLimit)
	defer cancel()
	if err := b.reset(ctx); err != nil {
		b.armed.Store(false)
		b.log.Error("the box is not reset", "err", err)
	}
}
