package qemu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Line is a line of a console's output.
type Line struct {
	At   time.Time
	Text string
}

// Console is a machine's first serial port. Its output is kept, so that
// nothing is missed by looking late. Methods are safe for concurrent use.
type Console struct {
	input  io.Writer
	output io.Reader

	mu      sync.Mutex
	lines   []Line
	partial []byte
	changed chan struct{} // closed and replaced with every change
	ended   bool
	mirror  io.Writer
}

func newConsole(input io.Writer, output io.Reader) *Console {
	return &Console{input: input, output: output, changed: make(chan struct{})}
}

// read reads the output until it ends.
func (c *Console) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := c.output.Read(buffer)
		c.mu.Lock()
		if n > 0 {
			c.add(buffer[:n])
		}
		c.ended = err != nil
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *Console) add(data []byte) {
	if c.mirror != nil {
		c.mirror.Write(data)
	}
	now := time.Now()
	c.partial = append(c.partial, data...)
	for {
		line, rest, found := bytes.Cut(c.partial, []byte("\n"))
		if !found {
			return
		}
		c.lines = append(c.lines, Line{At: now, Text: strings.TrimRight(string(line), "\r")})
		c.partial = bytes.Clone(rest)
	}
}

// Mark returns a position in the output: what comes after it is new.
func (c *Console) Mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

// Since returns the lines after a mark.
func (c *Console) Since(mark int) []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Line(nil), c.lines[mark:]...)
}

// Wait returns the first line after mark that matches pattern.
func (c *Console) Wait(ctx context.Context, mark int, pattern string) (Line, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return Line{}, fmt.Errorf("wait for the console: %w", err)
	}
	for {
		c.mu.Lock()
		lines, changed, ended := c.lines[mark:], c.changed, c.ended
		c.mu.Unlock()
		for _, line := range lines {
			if expression.MatchString(line.Text) {
				return line, nil
			}
		}
		mark += len(lines)
		if ended {
			return Line{}, fmt.Errorf("wait for %q on the console: the machine ended", pattern)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Line{}, fmt.Errorf("wait for %q on the console: %w", pattern, context.Cause(ctx))
		}
	}
}

// Write types on the console.
func (c *Console) Write(p []byte) (int, error) { return c.input.Write(p) }

// Mirror copies further output to w, starting with the line being written; nil
// ends it.
func (c *Console) Mirror(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror = w
	if w != nil {
		w.Write(c.partial)
	}
}
