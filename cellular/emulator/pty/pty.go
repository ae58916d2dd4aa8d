// Package pty gives an emulated modem a pseudo terminal for its control port, which
// programs open like that of a modem on a serial line: mbimcli -d PATH and qmicli
// -d PATH do, their proxies, and whatever speaks AT.
package pty

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Terminal is the modem's end of a pseudo terminal.
type Terminal struct {
	*os.File
	// programs is an end of theirs that stays open: without one, the modem could not
	// read before somebody has come and after the last has gone.
	programs *os.File
	path     string
}

// Open makes a pseudo terminal that passes on all octets as they are, and a symbolic
// link to the programs' end of it at path.
func Open(path string) (*Terminal, error) {
	own, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a pseudo terminal: %w", err)
	}
	t := &Terminal{File: own, path: path}
	if err := t.prepare(); err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("prepare a pseudo terminal: %w", err)
	}
	return t, nil
}

func (t *Terminal) prepare() error {
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var number int
	var unlocked, numbered, plain error
	err = raw.Control(func(fd uintptr) {
		unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, numbered = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		plain = unix.IoctlSetTermios(int(fd), unix.TCSETS, &unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL, Cc: [19]uint8{unix.VMIN: 1}})
	})
	if err := errors.Join(err, unlocked, numbered, plain); err != nil {
		return err
	}
	node := "/dev/pts/" + strconv.Itoa(number)
	if t.programs, err = os.OpenFile(node, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err != nil {
		return err
	}
	return os.Symlink(node, t.path)
}

// Close takes the terminal away. Programs that have it open see it hang up.
func (t *Terminal) Close() error {
	err := t.File.Close() // first: without programs a Read would fail otherwise
	if t.programs != nil {
		_ = os.Remove(t.path)
		_ = t.programs.Close()
	}
	return err
}
