//go:build disk

package bootchain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/internal/bootstate"
)

// counted returns the record of a good slot A that was started so often.
func counted(starts int) bootstate.Record {
	return bootstate.Record{Sequence: 5, Good: a, Starts: starts, Trial: bootstate.None}
}

// TestGoodSlotThatDoesNotLive is of a good slot that starts and dies: when that is
// enough, the other slot has one start to the rescue, says so, and does not become
// the good one.
func TestGoodSlotThatDoesNotLive(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.install(a, withInit(t, "exit"))
	d.record(counted(bootstate.MaxStarts - 2))
	box := start(t, d.path)
	box.see(takes(a), takes(a), takes(b))
	box.started(b, bootstate.Rescue)
	box.see("slot A, which is the good one, was started 5 times and did not live")
	box.comesToSay("show version", "^Started from slot B to the rescue: slot A, which is the good one, was started 5 times and did not live")
	if r := d.newest(); r.Good != a || r.Starts != bootstate.Rescued {
		t.Errorf("the record says %+v", r)
	}
	// The good one has a start in between, and the other the next.
	if err := box.Reset(); err != nil {
		t.Fatal(err)
	}
	box.started(b, bootstate.Rescue)
	if got := box.taken(); got != "AABAB" {
		t.Errorf("the boot loader took %s", got)
	}
}

// TestNeitherSlotLives alternates for ever: whichever comes to live is found.
func TestNeitherSlotLives(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	dies := withInit(t, "exit")
	d.install(a, dies)
	d.install(b, dies)
	d.record(counted(bootstate.MaxStarts))
	box := start(t, d.path)
	box.see(takes(b), takes(a), takes(b), takes(a), takes(b))
	if got := box.taken(); got != "BABAB" {
		t.Errorf("the boot loader took %s", got)
	}
}

// TestLifeClearsTheStarts is of slots that live. One whose record has no number of
// starts is counted from then on.
func TestLifeClearsTheStarts(t *testing.T) {
	t.Parallel()
	for name, starts := range map[string]int{"counted": bootstate.MaxStarts - 1, "of older firmware": bootstate.Uncounted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, ordinarySize)
			d.record(counted(starts))
			box := start(t, d.path)
			box.started(a, bootstate.Good)
			d.awaitRecord(func(r bootstate.Record) bool { return r.Good == a && r.Starts == 0 })
		})
	}
}

// TestOlderFirmwareIsNotCounted has a record without a number of starts, as it is
// left by firmware that would not clear it.
func TestOlderFirmwareIsNotCounted(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.install(a, withInit(t, "exit"))
	d.record(counted(bootstate.Uncounted))
	box := start(t, d.path)
	box.see(takes(a), takes(a))
	if r := d.newest(); r != counted(bootstate.Uncounted) {
		t.Errorf("the record says %+v", r)
	}
}

// TestRecordThatCannotBeWritten has a disk that refuses to: the good slot is started
// all the same, and never the other.
func TestRecordThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.record(counted(bootstate.MaxStarts))
	var text strings.Builder
	for _, offset := range bootstate.Offsets {
		sector := d.partition(bootstate.Partition).Offset() + offset
		fmt.Fprintf(&text, "[inject-error]\nevent = \"write_aio\"\niotype = \"write\"\nerrno = \"5\"\nsector = \"%d\"\nimmediately = \"off\"\nonce = \"off\"\n\n", sector/bootstate.Size)
	}
	faults := filepath.Join(t.TempDir(), "faults")
	if err := os.WriteFile(faults, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	box := start(t, "blkdebug:"+faults+":"+d.path)
	box.started(a, bootstate.Good)
	box.see("this start counts as one that it has not survived")
	if got := box.taken(); got != "A" {
		t.Errorf("the boot loader took %s", got)
	}
}

// awaitRecord waits until the record is as it should be.
func (d disk) awaitRecord(right func(bootstate.Record) bool) {
	d.t.Helper()
	limit, tick := time.After(patience), time.Tick(100*time.Millisecond)
	for {
		r := d.newest()
		if right(r) {
			return
		}
		select {
		case <-tick:
		case <-limit:
			d.t.Fatalf("the record still says %+v", r)
		}
	}
}

// taken returns the slots that the boot loader has taken so far, in order.
func (b *box) taken() string {
	var slots strings.Builder
	for _, l := range b.Console.Since(0) {
		if slot, ok := strings.CutPrefix(l.Text, "farspoke: slot "); ok {
			slots.WriteString(slot)
		}
	}
	return slots.String()
}
