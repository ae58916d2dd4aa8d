// Command life starts the real PID 1 and, beside it, does to the disk what the life
// of a box does: it keeps records and configurations, installs an update into the
// other slot and puts that on trial. It ends when the update is the good slot.
//
// What it has been promised to be on the disk it writes to a sector that nobody uses,
// so that the log of the disk's writes says when that was.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/pid1/disk"
)

const (
	diskPath = "/dev/vda"
	// promises is where the promises go, in octets, before the first partition.
	promises = 8 << 20
	config   = "/data/config/farspoke.yaml"
	// steps is how often a record and a configuration are replaced in a start.
	steps = 4
)

func main() {
	if os.Getpid() != 1 {
		if err := live(); err != nil {
			say("fails: " + err.Error())
		}
		return
	}
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	_, err := os.StartProcess("/life", []string{"life"}, &os.ProcAttr{Files: files})
	if err == nil {
		err = unix.Exec("/init", []string{"/init"}, os.Environ())
	}
	panic(err)
}

// say writes a line to the console, also behind a prompt.
func say(text string) {
	if console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0); err == nil {
		defer console.Close()
		fmt.Fprintf(console, "\r\nlife: %s\r\n", text)
	}
}

// record is what the box learns.
type record struct{ Number int }

// live does what is to be done in a start.
func live() error {
	await(func(r bootstate.Report) bool { return r.Data != "" })
	known, err := checkpoint.Open("/data/records")
	if err != nil {
		return err
	}
	var last record
	if _, err := known.Load("life", &last); err != nil {
		return err
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	say(fmt.Sprintf("begins with record %d and %s", last.Number, text))
	for n := last.Number + 1; n <= last.Number+steps; n++ {
		if err := known.Save("life", record{n}); err != nil {
			return err
		}
		if err := promise(n, n-1); err != nil {
			return err
		}
		if err := configure(n); err != nil {
			return err
		}
		if err := promise(n, n); err != nil {
			return err
		}
	}
	report := await(func(r bootstate.Report) bool { return r.Standing == bootstate.Good })
	if report.Slot == bootstate.B {
		unix.Sync()
		say("has all it wanted")
		return nil
	}
	if err := update(bootstate.B); err != nil {
		return err
	}
	say("has installed an update")
	return unix.Kill(1, unix.SIGTERM)
}

// await waits for PID 1 to report that.
func await(is func(bootstate.Report) bool) (r bootstate.Report) {
	for {
		if data, err := os.ReadFile(bootstate.ReportFile); err == nil && json.Unmarshal(data, &r) == nil && is(r) {
			return r
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// configure replaces the configuration, as its owner would.
func configure(n int) error {
	if err := renameio.WriteFile(config, fmt.Appendf(nil, "hostname: life-%d\n", n), 0o600); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(config))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// update copies the image that runs, which says itself how long it is, to the other
// slot, and puts that on trial.
func update(slot bootstate.Slot) error {
	from, err := os.Open(diskPath + "2")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(diskPath+"3", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer to.Close()
	head := make([]byte, 8)
	if _, err := from.ReadAt(head, 0); err != nil {
		return err
	}
	if _, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(head[4:]))); err != nil {
		return err
	}
	if err := to.Sync(); err != nil {
		return err
	}
	d, err := disk.Open(context.Background(), diskPath)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Try(slot)
}

// promise writes which record and configuration are on the disk by now, without a
// flush that would bring more there.
func promise(record, configuration int) error {
	file, err := os.OpenFile(diskPath, os.O_WRONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	defer unix.Munmap(page)
	copy(page, fmt.Sprintf("record %d configuration %d\n", record, configuration))
	_, err = file.WriteAt(page[:512], promises)
	return err
}
