//go:build disk

package bootchain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
)

const (
	a = bootstate.A
	b = bootstate.B
)

// takes is what the boot loader says when it takes a slot.
func takes(slot bootstate.Slot) string { return "^farspoke: slot " + string(slot) + "$" }

// TestFirstStartAndRestart starts a fresh disk: the data partition appears and fills
// it, and is there again at the next start, with nothing to type in between.
func TestFirstStartAndRestart(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	box := start(t, d.path)
	for range 50 { // somebody who would like a prompt
		if _, err := box.Console.Write([]byte("\x03\r ")); err != nil {
			t.Fatal(err)
		}
	}
	box.seeAll(runs(a, bootstate.Good), banner)
	data := d.partition("data")
	if end := int64(data.Last+1) * gpt.Sector; end < ordinarySize-4<<20 {
		t.Errorf("the data partition ends at octet %d of %d", end, ordinarySize)
	}
	if err := box.Reset(); err != nil {
		t.Fatal(err)
	}
	box.started(a, bootstate.Good)
	for _, unwanted := range []string{"=>", "runs without its disk"} {
		if n := box.count(unwanted); n != 0 {
			t.Errorf("the console shows %q", unwanted)
		}
	}
}

// TestTrialThatSucceeds puts the second slot on trial.
func TestTrialThatSucceeds(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.try(bootstate.MaxTries)
	box := start(t, d.path)
	box.started(b, bootstate.OnTrial)
	box.see("milestone=slot-good")
	d.expectRecord(b)
	if err := box.Reset(); err != nil {
		t.Fatal(err)
	}
	box.started(b, bootstate.Good)
}

// TestTrialThatFails is of images that are signed and no good: each start on trial
// is counted, and then the other slot runs, says why, and is the good one.
func TestTrialThatFails(t *testing.T) {
	t.Parallel()
	// The firewall's module, whole but for the mark of its signature: without it the
	// router does not live, and the kernel does not take it.
	unsignedModule := func(t *testing.T) []byte {
		path, contents := module(t, "nf_tables.ko")
		contents, ok := bytes.CutSuffix(contents, []byte("~Module signature appended~\n"))
		if !ok {
			t.Fatalf("%s is not signed", path)
		}
		return withFile(t, path, contents)
	}
	for name, c := range map[string]struct {
		image  func(t *testing.T) []byte
		starts int
	}{
		"PID 1 dies":      {func(t *testing.T) []byte { return withInit(t, "exit") }, 3},
		"PID 1 hangs":     {func(t *testing.T) []byte { return withInit(t, "hang") }, 1},
		"unsigned module": {unsignedModule, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			d.install(b, c.image(t))
			d.try(c.starts)
			box := start(t, d.path)
			for range c.starts {
				box.see(takes(b))
			}
			box.see(takes(a))
			box.started(a, bootstate.Good)
			box.see("slot B was on trial, did not prove itself and is given up")
			if n := box.count("farspoke: slot B"); n != c.starts {
				t.Errorf("slot B was started %d times, want %d", n, c.starts)
			}
			d.expectRecord(a)
		})
	}
}

// module returns where the image has a kernel module, and the module.
func module(t *testing.T, name string) (path string, contents []byte) {
	t.Helper()
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "kernel", "lib", "modules", "*", "kernel", "net", "netfilter", name))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %q, %v", found, err)
	}
	path, err = filepath.Rel(filepath.Join(cache, "kernel"), found[0])
	if err != nil {
		t.Fatal(err)
	}
	if contents, err = os.ReadFile(found[0]); err != nil {
		t.Fatal(err)
	}
	return "/" + path, contents
}

func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "farspoke"), err
}

// flipped returns the signed image with one bit of a text in it changed.
func flipped(t *testing.T, text []byte) []byte {
	t.Helper()
	i := bytes.Index(built.signed, text)
	if i < 0 {
		t.Fatalf("the image does not hold %.20q", text)
	}
	return flippedAt(i)
}

func flippedAt(octet int) []byte {
	image := bytes.Clone(built.signed)
	image[octet] ^= 1
	return image
}

// forAnotherBoard returns an image that is good, and not for this box.
func forAnotherBoard(t *testing.T) []byte {
	image := built.image
	image.Boards = []fit.Board{{Name: "other", Load: 0x20_0000, DeviceTree: image.Boards[0].DeviceTree, Args: "x"}}
	return sign(t, image, built.key)
}

// What the boot loader says of a slot that it does not start.
const (
	badSignature = "^farspoke: no good signature by key-development in slot "
	noBoard      = "^farspoke: no image for virt in slot "
	unreadable   = "^farspoke: no image that can be read in slot "
)

// refusal is an image that the boot loader must not start, and what it says then.
type refusal struct {
	image []byte
	says  string
}

func refused(t *testing.T) map[string]refusal {
	other := filepath.Join(t.TempDir(), "development.pem")
	if err := fit.Generate(other); err != nil {
		t.Fatal(err)
	}
	// By name it is the right one.
	wrong, err := fit.OpenKeyFile("development", other)
	if err != nil {
		t.Fatal(err)
	}
	deviceTree := built.image.Boards[0].DeviceTree
	tree, err := fdt.Parse(built.signed)
	if err != nil {
		t.Fatal(err)
	}
	place, ok := fdt.Position(tree, fmt.Sprintf("/images/kernel-%x", built.image.Boards[0].Load), "data-position")
	if !ok {
		t.Fatal("the image does not say where its kernel is")
	}
	huge := bytes.Clone(built.signed)
	copy(huge[4:], []byte{0xff, 0xff, 0xff, 0xf0}) // its length
	return map[string]refusal{
		"a bit of the kernel":         {flipped(t, built.image.Kernel[len(built.image.Kernel)/2:][:64]), badSignature},
		"a bit of the initramfs":      {flipped(t, built.image.Initramfs[len(built.image.Initramfs)/2:][:64]), badSignature},
		"a bit of the device tree":    {flipped(t, deviceTree[len(deviceTree)/2:][:64]), badSignature},
		"a bit of the command line":   {flipped(t, []byte(built.image.Boards[0].Args)), badSignature},
		"a bit of the kernel's place": {flippedAt(place), badSignature},
		"another key":                 {sign(t, built.image, wrong), badSignature},
		"no signature":                {fit.Unsigned(built.image), badSignature},
		"another board":               {forAnotherBoard(t), noBoard},
		"half of it":                  {append(bytes.Clone(built.signed[:len(built.signed)/2]), make([]byte, len(built.signed)/2)...), noBoard},
		"a length beyond the slot":    {huge, unreadable},
		"nothing":                     {make([]byte, len(built.signed)), unreadable},
	}
}

// TestRefusedOnTrial tries what must not start: the good slot runs at the same
// power-on.
func TestRefusedOnTrial(t *testing.T) {
	t.Parallel()
	for name, r := range refused(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			d.install(b, r.image)
			d.try(bootstate.MaxTries)
			box := start(t, d.path)
			box.see(takes(b), r.says+"B$", takes(a))
			box.started(a, bootstate.Good)
			if n := box.count("farspoke: slot"); n != 2 {
				t.Errorf("the boot loader took a slot %d times, want 2", n)
			}
			d.expectRecord(a)
		})
	}
}

// TestRescue damages the good slot: the other one runs, and says so at each start.
func TestRescue(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]refusal{
		"flipped":       {flipped(t, built.image.Kernel[1000:1064]), badSignature},
		"wiped":         {make([]byte, len(built.signed)), unreadable},
		"another board": {forAnotherBoard(t), noBoard},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			d.install(a, r.image)
			box := start(t, d.path)
			box.see(takes(a), r.says+"A$", takes(b))
			box.started(b, bootstate.Rescue)
			box.see("slot A, which is the good one, does not start")
		})
	}
}

// TestBadBlocks has sectors that cannot be read in the slot, and in the record.
func TestBadBlocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		partition string
		sector    uint64
		want      bootstate.Slot
		standing  bootstate.Standing
	}{
		"in the middle of the good slot":    {"slotA", 20000, b, bootstate.Rescue},
		"at the beginning of the good slot": {"slotA", 0, b, bootstate.Rescue},
		"in a copy of the record":           {"state", 0, a, bootstate.Good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			faults := filepath.Join(t.TempDir(), "faults")
			text := fmt.Sprintf("[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\nsector = \"%d\"\nimmediately = \"off\"\nonce = \"off\"\n", d.partition(c.partition).First+c.sector)
			if err := os.WriteFile(faults, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			box := start(t, "blkdebug:"+faults+":"+d.path)
			box.started(c.want, c.standing)
		})
	}
}

// TestGarbageRecord overwrites both copies: slot A runs, and a record begins anew.
func TestGarbageRecord(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	garbage := bytes.Repeat([]byte("good=B; reset\x00"), bootstate.PartitionSize/14)
	d.write(bootstate.Partition, 0, garbage)
	box := start(t, d.path)
	box.see(takes(a))
	box.started(a, bootstate.Good)
	d.expectRecord(a)
}

// TestRecordThatChoosesNonsense has valid checksums over values that are none: they
// come from a disk that anybody may have written.
func TestRecordThatChoosesNonsense(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]bootstate.Record{
		"command":   {Sequence: 9, Good: "B; sleep 100", Trial: "none"},
		"trial":     {Sequence: 9, Good: a, Trial: "B; sleep 100", Tries: 3},
		"for ever":  {Sequence: 9, Good: a, Trial: b, Tries: 9},
		"no number": {Sequence: 9, Good: a, Trial: "${bootcmd}", Tries: -1},
		"starts":    {Sequence: 9, Good: a, Starts: 9, Trial: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			d.record(r)
			box := start(t, d.path)
			box.see(takes(a))
			box.started(a, bootstate.Good)
			if n := box.count("farspoke: slot B"); n != 0 {
				t.Errorf("slot B was taken %d times", n)
			}
		})
	}
}

// TestNeitherSlotStarts has nothing to start: it begins again, without a prompt.
func TestNeitherSlotStarts(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	nothing := make([]byte, len(built.signed))
	d.install(a, nothing)
	d.install(b, nothing)
	box := start(t, d.path)
	for range 2 {
		box.see(takes(a), takes(b), "neither slot starts")
		if _, err := box.Console.Write([]byte("\x03\x03\r")); err != nil {
			t.Fatal(err)
		}
	}
	if n := box.count("=>"); n != 0 {
		t.Error("there is a prompt")
	}
}

// TestDisksOfOtherSizes starts where there is no room for data, and where there is
// much, or some of it came later.
func TestDisksOfOtherSizes(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(filepath.Join(built.dir, "disk.img"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("as small as the image", func(t *testing.T) {
		box := start(t, newDisk(t, info.Size()).path)
		box.started(a, bootstate.Good)
		box.see("the disk has no room left")
	})
	t.Run("grown to 64 GiB", func(t *testing.T) {
		d := newDisk(t, ordinarySize)
		box := start(t, d.path)
		box.started(a, bootstate.Good)
		box.Stop()
		const large = 64 << 30
		before := d.partition("data")
		if err := os.Truncate(d.path, large); err != nil {
			t.Fatal(err)
		}
		box = start(t, d.path)
		box.started(a, bootstate.Good)
		after := d.partition("data")
		if after.First != before.First || after.Size() < large-large/100 {
			t.Errorf("the data partition was %+v and is %+v", before, after)
		}
		if box.count("runs without its disk") != 0 {
			t.Error("the box could not use the disk")
		}
	})
}
