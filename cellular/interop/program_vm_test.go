//go:build vm

package interop

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command is a program of Debian.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	return cmd
}

// ask runs a program and returns what it says, and whether it succeeded.
func ask(t testing.TB, program string, args ...string) (said string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := command(ctx, program, args...).CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s %v does not end: %s", program, args, out)
	}
	return string(out), err == nil
}

// says runs a program, which must succeed and say all of the words.
func says(t *testing.T, program string, args []string, words ...string) {
	t.Helper()
	said, ok := ask(t, program, args...)
	if !ok {
		t.Errorf("%s %v fails:\n%s", program, args, said)
	}
	for _, word := range words {
		if !strings.Contains(squeezed(said), word) {
			t.Errorf("%s %v does not say %q:\n%s", program, args, word, said)
		}
	}
}

// squeezed is text with a single space in place of all white space.
func squeezed(text string) string { return strings.Join(strings.Fields(text), " ") }

// daemon is a program that goes on running.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	said []line
}

// line is what a daemon said, and when.
type line struct {
	text string
	at   time.Time
}

// launch starts a program, until the test ends.
func launch(t testing.TB, program string, args ...string) *daemon {
	t.Helper()
	d := &daemon{cmd: command(context.Background(), program, args...), done: make(chan struct{})}
	r, w, err := os.Pipe()
	must(t, err)
	d.cmd.Stdout, d.cmd.Stderr = w, w
	must(t, d.cmd.Start())
	w.Close()
	go func() {
		defer close(d.done)
		defer r.Close()
		for lines := bufio.NewScanner(r); lines.Scan(); {
			d.mu.Lock()
			d.said = append(d.said, line{lines.Text(), time.Now()})
			d.mu.Unlock()
		}
		_ = d.cmd.Wait() // it was killed
	}()
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			for _, l := range d.said {
				t.Logf("%s: %s", program, l.text)
			}
		}
	})
	return d
}

// mark is the place after what the daemon has said so far.
func (d *daemon) mark() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.said)
}

// await waits for a line with the words after a mark.
func (d *daemon) await(t testing.TB, mark int, words string) (found line) {
	t.Helper()
	eventually(t, fmt.Sprintf("%q of %s", words, d.cmd.Path), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, l := range d.said[mark:] {
			if strings.Contains(l.text, words) {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// stop ends it.
func (d *daemon) stop() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// pid is the number of its process.
func (d *daemon) pid() int { return d.cmd.Process.Pid }

// processes are those of a name.
func processes(name string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if text, readErr := os.ReadFile(file); err == nil && readErr == nil && strings.TrimSpace(string(text)) == name {
			pids = append(pids, pid)
		}
	}
	return pids
}
