package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// pidOf returns the number of the one process whose first argument ends in
// name.
func (s *Spoke) pidOf(ctx context.Context, name string) (int, error) {
	// By what every shell has: the toolbox of the box knows no pidof.
	out, err := s.Run(ctx, `for d in /proc/[0-9]*; do echo "${d#/proc/} $(cat $d/comm 2>/dev/null)"; done`)
	if err != nil {
		return 0, err
	}
	var found []int
	for line := range strings.Lines(out) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if command == name {
			if pid, err := strconv.Atoi(number); err == nil {
				found = append(found, pid)
			}
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("the %s has %d processes named %s, want 1", s.kind.name, len(found), name)
	}
	return found[0], nil
}

// killCommand ends a process without a good-bye.
func killCommand(pid int) string { return fmt.Sprintf("kill -9 %d", pid) }
