package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// scenario is one of the lab's tests: TestNATMoves, with the comment
// "TestNATMoves: the carrier forgets …", is the scenario NATMoves.
type scenario struct {
	name, summary string
}

// scenarios reads the names and summaries from the tests' source.
func scenarios() ([]scenario, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "lab", "*_scenario_test.go"))
	if err != nil {
		return nil, err
	}
	var all []scenario
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read the scenarios: %w", err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "Test") {
				continue
			}
			_, summary, _ := strings.Cut(strings.Join(strings.Fields(function.Doc.Text()), " "), ": ")
			summary, _, _ = strings.Cut(summary, ". ")
			all = append(all, scenario{strings.TrimPrefix(function.Name.Name, "Test"), strings.TrimSuffix(summary, ".")})
		}
	}
	return all, nil
}

// list prints the scenarios.
func list(w io.Writer) error {
	all, err := scenarios()
	if err != nil {
		return err
	}
	for _, s := range all {
		fmt.Fprintf(w, "%-24s %s\n", s.name, s.summary)
	}
	return nil
}

// test runs the scenarios whose name matches, all if expression is empty.
func test(ctx context.Context, expression string) (status int, err error) {
	root, err := moduleRoot()
	if err != nil {
		return 1, err
	}
	// In two lanes at most, since they share the machine's processors: lanes_test.go.
	args := []string{"test", "-tags", "lab", "-count", "1", "-timeout", "60m", "-v", "./lab", "-run", "^Test.*(" + expression + ")"}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}
