//go:build vm

package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// peer is a daemon of another make.
type peer interface {
	// start starts the daemon, which then answers.
	start()
	// initiate has it open an IKE SA with a child SA.
	initiate()
	rekeyChild()
	rekeyIKE()
	reauthenticate()
	// stop ends the daemon with a good-bye, kill without.
	stop()
	kill()
	// says waits for words in its log.
	says(words string)
}

// maker makes a peer with the configuration of a row.
type maker struct {
	name string
	make func(t *testing.T, at namespace, c settings) peer
}

// settings is what a peer is configured to do.
type settings struct {
	proposals proposals
	role      role
	// spoke is the address where the peer finds us.
	spoke netip.Addr
	// dpd is after how many seconds of silence it asks whether we live.
	dpd int
	// cookies makes it send a cookie once there is a half-open IKE SA.
	cookies bool
	// quiet leaves all out of its log.
	quiet bool
}

// daemon is a running program of a peer.
type daemon struct {
	t    *testing.T
	at   namespace
	root string
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	said bytes.Buffer // since it was started
}

// launch starts the daemon in an empty /run. What it prints goes to the test's
// log.
func (d *daemon) launch(program string, args ...string) {
	d.t.Helper()
	run := d.path("/run")
	must(d.t, os.RemoveAll(run))
	must(d.t, os.MkdirAll(run+"/pluto", 0o755))
	d.cmd = command(d.root, program, args...)
	r, w, err := os.Pipe()
	must(d.t, err)
	d.cmd.Stdout, d.cmd.Stderr = w, w
	must(d.t, d.at.start(d.cmd))
	w.Close()
	d.said.Reset()
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		defer r.Close()
		for lines := bufio.NewScanner(r); lines.Scan(); {
			d.hear(lines.Bytes())
		}
		// It was killed, or ended as it was asked to.
		_ = d.cmd.Wait()
	}()
	d.t.Cleanup(d.kill)
}

// hear takes a line of what the daemon says.
func (d *daemon) hear(line []byte) {
	fmt.Fprintf(d.t.Output(), "%s: %s\n", d.root, line)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said.Write(line)
	d.said.WriteByte('\n')
}

// says waits until the daemon has said words since it was started.
func (d *daemon) says(words string) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%q in the log of %s", words, d.root), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return bytes.Contains(d.said.Bytes(), []byte(words))
	})
}

// tells waits until a program that speaks with the daemon can, and is told words.
func (d *daemon) tells(words, program string, args ...string) {
	d.t.Helper()
	var told string
	defer func() {
		if d.t.Failed() {
			d.t.Logf("%s %v says: %s", program, args, told)
		}
	}()
	eventually(d.t, fmt.Sprintf("%q of %s", words, d.root), func() bool {
		var err error
		told, err = d.at.run(command(d.root, program, args...))
		return err == nil && strings.Contains(told, words)
	})
}

// path returns where the test has a file of the daemon's.
func (d *daemon) path(name string) string { return filepath.Join(roots, d.root, name) }

// write writes a file of the daemon's.
func (d *daemon) write(name, text string) {
	d.t.Helper()
	must(d.t, os.MkdirAll(filepath.Dir(d.path(name)), 0o755))
	must(d.t, os.WriteFile(d.path(name), []byte(text), 0o600))
}

// ask runs a program that speaks with the daemon.
func (d *daemon) ask(program string, args ...string) string {
	d.t.Helper()
	said, err := d.at.run(command(d.root, program, args...))
	must(d.t, err)
	return said
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

func (d *daemon) stop() {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(unix.SIGTERM))
	select {
	case <-d.done:
	case <-time.After(patience):
		d.t.Fatalf("%s does not end", d.root)
	}
}
