//go:build lab

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/lab/sandbox"
)

// idle are the scenarios that take minutes in which the machine has next to
// nothing to do. They have a lane, a lab of their own, beside that of the others.
var idle = []string{"DHCPServerGone", "Faults", "Soak"}

// lanes builds the images and runs the tests that were asked for in the two lanes,
// of which the second one says all it has to say at the end.
func lanes(ctx context.Context) (status int, err error) {
	fmt.Fprintln(os.Stderr, "lab: building the images (minutes the first time, seconds later)")
	remove, err := prepareImages(ctx, need{})
	if err != nil {
		return 1, err
	}
	defer remove()
	first, second, err := divide(os.Args[1:], flag.Lookup("test.run").Value.String())
	if err != nil {
		return 1, err
	}
	logs := filepath.Join(os.Getenv(logDir), "idle")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return 1, fmt.Errorf("create a directory for the second lab: %w", err)
	}
	var said bytes.Buffer
	var statuses [2]int
	var both errgroup.Group
	both.Go(func() (err error) {
		statuses[0], err = sandbox.Run(ctx, os.Stdout, os.Stderr, first)
		return err
	})
	if second != nil {
		both.Go(func() (err error) {
			statuses[1], err = sandbox.Run(ctx, &said, &said, second, logDir+"="+logs)
			return err
		})
	}
	err = both.Wait()
	_, written := said.WriteTo(os.Stdout)
	return max(statuses[0], statuses[1]), errors.Join(err, written)
}

// divide returns the arguments of the test program for each lane, nil for the
// second unless the expression asks for scenarios of both.
func divide(args []string, expression string) (first, second []string, err error) {
	asked, err := regexp.Compile(expression)
	if err != nil {
		return nil, nil, err
	}
	all, err := scenarios()
	if err != nil {
		return nil, nil, err
	}
	var names []string
	others := false
	for _, s := range all {
		switch {
		case !asked.MatchString("Test" + s.name):
		case slices.Contains(idle, s.name):
			names = append(names, s.name)
		default:
			others = true
		}
	}
	if len(names) == 0 || !others {
		return args, nil, nil
	}
	them := "=^Test(" + strings.Join(names, "|") + ")$"
	return slices.Concat(args, []string{"-test.skip" + them}), slices.Concat(args, []string{"-test.run" + them}), nil
}

// TestDivide: an idle scenario has the second lane if there is another for the
// first.
func TestDivide(t *testing.T) {
	for expression, want := range map[string][2][]string{
		"^Test.*(ServerGone)":  {{"-v"}, nil},
		"^Test.*(BringUp)":     {{"-v"}, nil},
		"^Test.*(BringUp|Soa)": {{"-v", "-test.skip=^Test(Soak)$"}, {"-v", "-test.run=^Test(Soak)$"}},
	} {
		first, second, err := divide([]string{"-v"}, expression)
		if err != nil || !slices.Equal(first, want[0]) || !slices.Equal(second, want[1]) {
			t.Errorf("%s: %v and %v (%v), want %v", expression, first, second, err, want)
		}
	}
}
