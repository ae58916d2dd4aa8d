package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// escape is Ctrl-A, which QEMU's users know: Ctrl-A X leaves, Ctrl-A Ctrl-A
// types it.
const escape = 0x01

// attend connects the terminal to a spoke's console until the user leaves or
// the machine ends.
func attend(ctx context.Context, spoke *Spoke) error {
	fmt.Print("\nThis is the box's console; Ctrl-A X leaves.\n\n")
	state, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return fmt.Errorf("take over the terminal: %w", err)
	}
	defer term.Restore(int(os.Stdin.Fd()), state)
	spoke.Console.Mirror(os.Stdout)
	defer spoke.Console.Mirror(nil)
	spoke.Console.Write([]byte("\r")) // for a prompt to look at

	left := make(chan error, 1)
	go func() { left <- forward(spoke.Console, os.Stdin) }() // ends with the process at the latest
	select {
	case err := <-left:
		fmt.Print("\r\n")
		return err
	case <-spoke.Done():
		return fmt.Errorf("the box's machine has ended")
	case <-ctx.Done():
		return nil
	}
}

// forward copies keys to the console until Ctrl-A X.
func forward(console io.Writer, keys io.Reader) error {
	key := make([]byte, 1)
	escaped := false
	for {
		if _, err := keys.Read(key); err != nil {
			return nil // the terminal is gone, and so is the user
		}
		switch {
		case escaped && (key[0] == 'x' || key[0] == 'X'):
			return nil
		case !escaped && key[0] == escape:
			escaped = true
			continue
		}
		escaped = false
		if _, err := console.Write(key); err != nil {
			return fmt.Errorf("type on the box's console: %w", err)
		}
	}
}
