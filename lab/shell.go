package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Run runs a command in a shell on the spoke and returns what it printed. All
// spokes know cat, pidof and kill.
func (s *Spoke) Run(ctx context.Context, command string) (string, error) {
	if err := s.startShell(ctx); err != nil {
		return "", fmt.Errorf("start the %s's shell: %w", s.kind.name, err)
	}
	return s.VM.Run(ctx, command)
}

func (s *Spoke) startShell(ctx context.Context) error {
	s.shell.Lock()
	defer s.shell.Unlock()
	if s.kind.shell == nil || s.asked {
		return nil
	}
	if err := s.kind.shell(ctx, s.Console); err != nil {
		return err
	}
	s.asked = true
	return nil
}

// pidOf returns the number of the one process of a name.
func (s *Spoke) pidOf(ctx context.Context, name string) (int, error) {
	out, err := s.Run(ctx, "pidof "+name)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return 0, fmt.Errorf("the %s has not one process named %s but: %s", s.kind.name, name, out)
	}
	return pid, nil
}
