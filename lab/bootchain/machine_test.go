//go:build disk

package bootchain

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
	"github.com/farspoke/farspoke/lab/qemu"
)

// patience is how long a step may take: a trial that hangs takes a minute, and a busy
// machine several times as long for anything.
const patience = 10 * time.Minute

// banner is how the session on the console begins. It waits for neither the disk nor
// the router if they are slow. What is typed before can leave QEMU's serial port deaf.
const banner = "Type . for help"

// disk is a file that is a box's disk.
type disk struct {
	t    *testing.T
	path string
}

// newDisk returns a disk of the given size in octets, freshly flashed.
func newDisk(t *testing.T, size int64) disk {
	t.Helper()
	d := disk{t, filepath.Join(t.TempDir(), "disk")}
	if err := os.WriteFile(d.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.flash()
	if err := os.Truncate(d.path, size); err != nil {
		t.Fatal(err)
	}
	return d
}

// flash writes the image over the disk, as dd does.
func (d disk) flash() {
	d.t.Helper()
	image, err := os.Open(filepath.Join(built.dir, "disk.img"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer image.Close()
	file, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	if _, err := io.Copy(file, image); err != nil {
		d.t.Fatal(err)
	}
}

// ordinarySize is that of most disks here, in octets.
const ordinarySize = 256 << 20

// table reads the partition table.
func (d disk) table() gpt.Table {
	d.t.Helper()
	file, err := os.Open(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		d.t.Fatal(err)
	}
	table, err := gpt.Read(file, uint64(info.Size()/gpt.Sector))
	if err != nil {
		d.t.Fatal(err)
	}
	return table
}

func (d disk) partition(name string) gpt.Partition {
	d.t.Helper()
	p, ok := d.table().Find(name)
	if !ok {
		d.t.Fatalf("the disk has no partition %s", name)
	}
	return p
}

// write writes into a partition.
func (d disk) write(partition string, offset int64, data []byte) {
	d.t.Helper()
	file, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(data, d.partition(partition).Offset()+offset); err != nil {
		d.t.Fatal(err)
	}
}

// install puts an image into a slot.
func (d disk) install(slot bootstate.Slot, image []byte) { d.write(slot.Partition(), 0, image) }

// record writes the record, as an update would.
func (d disk) record(r bootstate.Record) {
	d.write(bootstate.Partition, bootstate.Offsets[1], r.Marshal())
}

// try puts slot B on trial for some starts.
func (d disk) try(starts int) {
	r := bootstate.Fresh().Try(bootstate.B)
	r.Tries = starts
	d.record(r)
}

// newest reads the record.
func (d disk) newest() bootstate.Record {
	d.t.Helper()
	file, err := os.Open(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	var copies [2][]byte
	for i, offset := range bootstate.Offsets {
		copies[i] = make([]byte, bootstate.Size)
		if _, err := file.ReadAt(copies[i], d.partition(bootstate.Partition).Offset()+offset); err != nil {
			d.t.Fatal(err)
		}
	}
	r, _, err := bootstate.Newest(copies)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// expectRecord wants the disk to have a record with this good slot and no trial.
func (d disk) expectRecord(good bootstate.Slot) {
	d.t.Helper()
	if r := d.newest(); r.Good != good || r.Trial != bootstate.None {
		d.t.Errorf("the record says %v, want slot %s to be good", r, good)
	}
}

// box is a running machine.
type box struct {
	*qemu.VM
	t    *testing.T
	mark int
}

// start starts a machine from a disk; file is the disk in QEMU's words, usb are the
// sockets of what is in its USB ports.
func start(t *testing.T, file string, usb ...string) *box {
	t.Helper()
	return startFirmware(t, filepath.Join(built.dir, "u-boot.bin"), file, usb...)
}

// startFirmware does so by another boot loader than that of the build.
func startFirmware(t *testing.T, firmware, file string, usb ...string) *box {
	t.Helper()
	// The socket of QEMU's monitor needs a short path.
	dir, err := os.MkdirTemp("", "chain-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	vm, err := qemu.Start(t.Context(), dir, qemu.Config{
		Name: "box", CPUs: 2, MemoryMiB: 512, Watchdog: true, Button: true,
		Firmware: firmware, Disk: file, USB: usb, Log: filepath.Join(dir, "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{VM: vm, t: t}
	t.Cleanup(func() {
		vm.Stop()
		if t.Failed() {
			b.dump()
		}
	})
	return b
}

// see waits until the console shows each pattern, one after another.
func (b *box) see(patterns ...string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(b.t.Context(), patience, fmt.Errorf("not there after %v", patience))
	defer cancel()
	for _, pattern := range patterns {
		line, err := b.Console.Wait(ctx, b.mark, pattern)
		if err != nil {
			b.t.Fatal(err)
		}
		for i, l := range b.Console.Since(b.mark) {
			if l == line {
				b.mark += i + 1
				break
			}
		}
	}
}

// seeAll waits until the console shows all patterns, in whatever order.
func (b *box) seeAll(patterns ...string) {
	b.t.Helper()
	begin, end := b.mark, b.mark
	for _, pattern := range patterns {
		b.mark = begin
		b.see(pattern)
		end = max(end, b.mark)
	}
	b.mark = end
}

// started waits for the box to run from a slot that is that to the record.
func (b *box) started(slot bootstate.Slot, standing bootstate.Standing) {
	b.t.Helper()
	b.see(runs(slot, standing))
}

// runs is what PID 1 says when the box runs from a slot that is that to the record.
func runs(slot bootstate.Slot, standing bootstate.Standing) string {
	quoted := string(standing)
	if strings.Contains(quoted, " ") {
		quoted = `"` + quoted + `"`
	}
	return regexp.QuoteMeta(fmt.Sprintf("slot=%s standing=%s trust=\"verified by a development key\"", slot, quoted))
}

// attend waits for the session on the console, since the boot loader took a slot last.
func (b *box) attend() {
	b.t.Helper()
	start := 0
	for i, l := range b.Console.Since(0) {
		if strings.HasPrefix(l.Text, "farspoke: slot") {
			start = i
		}
	}
	ctx, cancel := context.WithTimeoutCause(b.t.Context(), patience, fmt.Errorf("not there after %v", patience))
	defer cancel()
	if _, err := b.Console.Wait(ctx, start, banner); err != nil {
		b.t.Fatal(err)
	}
}

// comesToSay types a command again and again until its answer is the one: the router,
// which has it, may not be there yet.
func (b *box) comesToSay(command, answer string) {
	b.t.Helper()
	b.attend()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		mark := b.Console.Mark()
		b.types(command)
		ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Second)
		_, err := b.Console.Wait(ctx, mark, answer)
		cancel()
		if err == nil {
			return
		}
	}
	b.t.Fatalf("%s does not come to say %q within %v", command, answer, patience)
}

// count returns how many lines so far hold a text.
func (b *box) count(text string) (n int) {
	for _, l := range b.Console.Since(0) {
		if strings.Contains(l.Text, text) {
			n++
		}
	}
	return n
}

func (b *box) dump() {
	var out bytes.Buffer
	lines := b.Console.Since(0)
	for _, l := range lines[max(0, len(lines)-60):] {
		fmt.Fprintf(&out, "%8.2f %s\n", l.At.Sub(b.Started).Seconds(), l.Text)
	}
	b.t.Logf("the end of the console:\n%s", out.String())
}
