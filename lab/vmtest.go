package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// vmTest is a package's tests and benchmarks, built to run in a virtual machine
// with the box's kernel.
type vmTest struct {
	// Package is the package's directory below the module's root, Binary the path
	// of its tests.
	Package, Binary string
	// VM is the path of the program that runs them there, with the Flags.
	VM    string
	Flags []string
}

// buildVM builds the program that runs tests in a virtual machine.
func buildVM(ctx context.Context, root, dir string) (program string, err error) {
	program = filepath.Join(dir, "vm")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./internal/vm")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build what runs tests in a virtual machine: %w\n%s", err, out)
	}
	return program, nil
}

// buildVMTest builds a package's tests for it. It starts the virtual machine once
// without a test, since what goes into it cannot be fetched from inside the
// sandbox.
func buildVMTest(ctx context.Context, root, dir, pkg, vm string) (vmTest, error) {
	test := vmTest{Package: pkg, Binary: filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+".test"), VM: vm}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-tags", "vm", "-o", test.Binary, "./"+pkg)
	build.Dir = root
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return vmTest{}, fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	_, err := test.run(ctx, "-test.run=^$")
	return test, err
}

// run runs the tests with flags of go test's and returns what they print.
func (t vmTest) run(ctx context.Context, flags ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	vm := exec.CommandContext(ctx, t.VM, slices.Concat(t.Flags, []string{t.Binary}, flags)...)
	vm.Dir = filepath.Join(root, t.Package)
	vm.Stdout, vm.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	if err := vm.Run(); err != nil {
		return "", fmt.Errorf("run the tests of %s in a virtual machine: %w", t.Package, err)
	}
	return out.String(), nil
}

// bench runs one benchmark once and returns what it reports.
func (t vmTest) bench(ctx context.Context, name string) (results, error) {
	out, err := t.run(ctx, "-test.run=^$", "-test.bench=^Benchmark"+name+"$", "-test.benchtime=1x")
	if err != nil {
		return nil, err
	}
	return parseBenchmarks(out), nil
}
