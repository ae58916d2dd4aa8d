//go:build disk

package bootchain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
	pid1disk "github.com/farspoke/farspoke/internal/pid1/disk"
)

// inspector says of disks whether a box would start from them and have what it was
// promised, without starting one.
type inspector struct {
	life    life
	scratch string // a directory
	seed    maphash.Seed
	known   map[uint64]contents // of data partitions, by what they hold
}

func newInspector(l life, scratch string) *inspector {
	return &inspector{l, scratch, maphash.MakeSeed(), make(map[uint64]contents)}
}

// contents is what is on a data partition, or why that cannot be said.
type contents struct {
	promise
	configured bool
	err        error
}

// inspect returns what is wrong with a disk on which no less than that was promised.
func (i *inspector) inspect(disk []byte, p promise) error {
	table, err := gpt.Read(bytes.NewReader(disk), uint64(len(disk)/gpt.Sector))
	if err != nil {
		return err
	}
	part := func(name string) []byte {
		p, ok := table.Find(name)
		if !ok {
			return nil
		}
		return disk[p.Offset():][:p.Size()]
	}
	state := part(bootstate.Partition)
	if state == nil {
		return errors.New("there is no partition for the record")
	}
	var copies [2][]byte
	for n, offset := range bootstate.Offsets {
		copies[n] = state[offset:][:bootstate.Size]
	}
	record, _, err := bootstate.Newest(copies)
	if err != nil {
		return err
	}
	// What the boot loader may take must be whole.
	wanted := []bootstate.Slot{record.Good}
	if record.Tries > 0 {
		wanted = append(wanted, record.Trial)
	}
	for _, slot := range wanted {
		if image := part(slot.Partition()); !bytes.HasPrefix(image, i.life.running) && !bytes.HasPrefix(image, i.life.older) {
			return fmt.Errorf("%v, but what it holds is no image", record)
		}
	}
	data := part("data")
	if data == nil {
		if p != (promise{}) {
			return fmt.Errorf("there is no data partition, with %+v on it", p)
		}
		return nil
	}
	has := i.read(data)
	switch {
	case has.err != nil:
		return has.err
	case has.record < p.record, has.configuration < p.configuration:
		return fmt.Errorf("the data partition has %+v, want %+v", has.promise, p)
	case !has.configured && p != (promise{}):
		return errors.New("the configuration is gone")
	}
	return nil
}

// read reads a data partition, once.
func (i *inspector) read(data []byte) contents {
	key := maphash.Bytes(i.seed, data)
	c, ok := i.known[key]
	if !ok {
		c = readData(filepath.Join(i.scratch, "data"), data)
		i.known[key] = c
	}
	return c
}

// readData recovers a data partition and reads what is there. It needs a file to do so.
func readData(file string, data []byte) (c contents) {
	if c.err = os.WriteFile(file, data, 0o600); c.err != nil {
		return c
	}
	if c.err = recoverFileSystem(file); c.err != nil {
		return c
	}
	record, found, err := catFile(file, "/records/life.json")
	if found {
		err = json.Unmarshal([]byte(record), &struct{ Number *int }{&c.record})
	}
	c.err = err
	configuration, found, err := catFile(file, "/config/farspoke.yaml")
	if c.configured = found; found {
		_, err = fmt.Sscanf(configuration, "hostname: life-%d\n", &c.configuration)
	}
	c.err = errors.Join(c.err, err)
	return c
}

// recoverFileSystem mends a file system as PID 1 does, replays its journal and removes
// the files that were deleted while they were open as the kernel does, and wants no
// fault of it then.
func recoverFileSystem(file string) error {
	if err := mend(file); err != nil {
		return err
	}
	// Status 1 is that something was done.
	var exit *exec.ExitError
	if out, err := exec.Command("/sbin/e2fsck", "-p", file).CombinedOutput(); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return fmt.Errorf("the file system cannot be used: %w\n%s", err, out)
	}
	if out, err := exec.Command("/sbin/e2fsck", "-f", "-n", file).CombinedOutput(); err != nil {
		return fmt.Errorf("the file system is damaged: %w\n%s", err, out)
	}
	return nil
}

func mend(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return pid1disk.MendSuperblock(file)
}

// catFile returns what a file of a file system holds, and whether there is one.
func catFile(system, name string) (text string, found bool, err error) {
	cmd := exec.Command("/sbin/debugfs", "-R", "cat "+name, system)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", false, fmt.Errorf("debugfs: %w\n%s", err, complaints.String())
	}
	return string(out), !strings.Contains(complaints.String(), "File not found"), nil
}
