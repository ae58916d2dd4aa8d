package disk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
)

const (
	ledger = `{"key":"ours"}`
	secret = "the owner's secret"
)

// supply is the power, which fails before the write after the last that is left.
type supply struct{ left int }

func (s *supply) use() error {
	if s.left--; s.left < 0 {
		return errors.New("power cut")
	}
	return nil
}

// flash is a device in memory.
type flash struct {
	data []byte
	*supply
}

func (f flash) ReadAt(b []byte, at int64) (int, error) { return copy(b, f.data[at:]), nil }
func (f flash) Sync() error                            { return nil }

func (f flash) WriteAt(b []byte, at int64) (int, error) {
	if err := f.use(); err != nil {
		return 0, err
	}
	return copy(f.data[at:], b), nil
}

// house is a data partition whose files are in a directory. They are gone once its
// file system is overwritten.
type house struct {
	t *testing.T
	flash
	dir       string
	mounted   bool
	discarded *int
	broken    bool // cannot be mounted
}

func (h *house) WriteAt(b []byte, at int64) (int, error) {
	n, err := h.flash.WriteAt(b, at)
	if !isExt4(h.data) {
		h.broken = false
		if err := os.RemoveAll(h.dir); err != nil {
			h.t.Fatal(err)
		}
	}
	return n, err
}

func (h *house) mount() (string, error) {
	if err := h.use(); err != nil {
		return "", err
	}
	if h.broken || !isExt4(h.data) {
		return "", errors.New("bad superblock")
	}
	h.mounted = true
	return h.dir, os.MkdirAll(h.dir, 0o700)
}

func (h *house) unmount() error { h.mounted = false; return nil }
func (h *house) grow() error    { return nil }

func (h *house) discard(context.Context) error {
	*h.discarded++
	return h.use()
}

func (h *house) file(name string) string {
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.t.Fatal(err)
	}
	return string(text)
}

// inhabited returns a partition with an owner's files, and a disk on which its reset
// is ordered.
func inhabited(t *testing.T, power *supply) (orders flash, data *house) {
	t.Helper()
	orders = flash{make([]byte, bootstate.PartitionSize), power}
	copy(orders.data[orderOffset:], orderText)
	data = &house{t: t, flash: flash{make([]byte, 128<<10), power}, dir: filepath.Join(t.TempDir(), "data"), discarded: new(int)}
	copy(data.data, bytes.Repeat([]byte("o"), len(data.data)))
	data.data[1080], data.data[1081] = 0x53, 0xef
	for name, text := range map[string]string{"config/secrets.yaml": secret, "records/apn.json": secret, Lasting[0]: ledger} {
		path := filepath.Join(data.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return orders, data
}

// expectReset wants what a reset leaves.
func expectReset(t *testing.T, when string, orders flash, data *house) {
	t.Helper()
	if isOrdered(orders) || readCopies(orders) != nil {
		t.Errorf("%s: the order is still there", when)
	}
	if data.file("config/secrets.yaml") != "" || data.file("records/apn.json") != "" {
		t.Errorf("%s: something of the owner's is left", when)
	}
	if got := data.file(Lasting[0]); got != ledger {
		t.Errorf("%s: the ledger of PINs is %q", when, got)
	}
	if !data.mounted {
		t.Errorf("%s: the new file system is not mounted", when)
	}
}

// TestPowerCutDuringReset cuts the power before each write and mount, and at the next
// start again, before it lets the reset come to its end.
func TestPowerCutDuringReset(t *testing.T) {
	file := template(t)
	cuts := 0
	for first := 0; ; first++ {
		power := &supply{first}
		orders, data := inhabited(t, power)
		mounted, note, err := reset(t.Context(), orders, data, file)
		if power.left >= 0 {
			if !mounted || note != resetDone || err != nil {
				t.Errorf("without a cut: mounted %v, %q, %v", mounted, note, err)
			}
			expectReset(t, "without a cut", orders, data)
			break
		}
		cuts++
		if mounted && isOrdered(orders) {
			t.Errorf("cut %d: the box uses what the next start erases", first)
		}
		for second := range 4 {
			data.mounted = false
			power.left = second
			if isOrdered(orders) {
				_, _, _ = reset(t.Context(), orders, data, file)
			}
		}
		power.left = 1000
		if data.mounted = false; isOrdered(orders) {
			if mounted, _, err := reset(t.Context(), orders, data, file); !mounted || err != nil {
				t.Errorf("cut %d: the start after it says %v, mounted %v", first, err, mounted)
			}
		} else if _, err := data.mount(); err != nil {
			t.Errorf("cut %d: %v", first, err)
		}
		expectReset(t, "after a cut", orders, data)
	}
	if cuts < 8 {
		t.Errorf("the power was cut only %d times", cuts)
	}
}

// TestResetOverwritesFirst wants the owner's files to be zeros before their file
// system goes, and the partition discarded.
func TestResetOverwritesFirst(t *testing.T) {
	orders, data := inhabited(t, &supply{1000})
	if err := overwrite(data.dir); err != nil {
		t.Fatal(err)
	}
	if got := data.file("config/secrets.yaml"); got != string(make([]byte, len(secret))) {
		t.Errorf("a file that was overwritten holds %q", got)
	}
	// What is lasting comes from the copies, when they were made before.
	if err := writeCopies(orders, map[string][]byte{Lasting[0]: []byte(ledger)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := reset(t.Context(), orders, data, template(t)); err != nil {
		t.Fatal(err)
	}
	expectReset(t, "after it was begun", orders, data)
	if *data.discarded != 1 {
		t.Errorf("the partition was discarded %d times", *data.discarded)
	}
}

// TestResetOfWhatIsDamaged is the cure of a partition that the box leaves alone
// otherwise.
func TestResetOfWhatIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(*house){
		"no superblock":        func(h *house) { h.data[1080] = 0 },
		"a superblock no more": func(h *house) { h.broken = true },
	} {
		orders, data := inhabited(t, &supply{1000})
		damage(data)
		mounted, note, err := reset(t.Context(), orders, data, template(t))
		if !mounted || err != nil || !strings.Contains(note, "which PINs the SIMs have refused is forgotten") {
			t.Errorf("%s: mounted %v, %q, %v", name, mounted, note, err)
		}
		if isOrdered(orders) || data.file("config/secrets.yaml") != "" {
			t.Errorf("%s: the reset is not done", name)
		}
	}
}

// TestResetThatFails has nothing to make a file system from: the data is not used.
func TestResetThatFails(t *testing.T) {
	orders, data := inhabited(t, &supply{1000})
	mounted, note, err := reset(t.Context(), orders, data, "/nowhere")
	if mounted || note != resetFailed || err == nil || !isOrdered(orders) {
		t.Errorf("mounted %v, %q, %v, still ordered %v", mounted, note, err, isOrdered(orders))
	}
}

// TestLedgerThatIsTooLarge does not keep the box from its reset.
func TestLedgerThatIsTooLarge(t *testing.T) {
	orders, data := inhabited(t, &supply{1000})
	if err := os.WriteFile(filepath.Join(data.dir, Lasting[0]), make([]byte, maxLasting+1), 0o600); err != nil {
		t.Fatal(err)
	}
	mounted, note, err := reset(t.Context(), orders, data, template(t))
	if !mounted || err != nil || !strings.Contains(note, "forgotten") {
		t.Errorf("mounted %v, %q, %v", mounted, note, err)
	}
}

func TestOrderIsApartFromTheRecord(t *testing.T) {
	d, err := Open(t.Context(), newDisk(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	orders, err := d.orders()
	if err != nil {
		t.Fatal(err)
	}
	if isOrdered(orders) {
		t.Error("a new disk is to be reset")
	}
	if err := errors.Join(d.Settle(bootstate.B), d.Settle(bootstate.A)); err != nil {
		t.Fatal(err)
	}
	before, _ := d.Record()
	if err := errors.Join(d.OrderReset(), writeCopies(orders, map[string][]byte{Lasting[0]: make([]byte, maxLasting)})); err != nil {
		t.Fatal(err)
	}
	if after, err := d.Record(); err != nil || after != before || !isOrdered(orders) {
		t.Errorf("the record was %v and is %v, %v; ordered %v", before, after, err, isOrdered(orders))
	}
	if err := errors.Join(d.Settle(bootstate.B), d.Settle(bootstate.A)); err != nil || !isOrdered(orders) || readCopies(orders) == nil {
		t.Errorf("a new record has overwritten the order or the copies: %v", err)
	}
}

func FuzzParseCopies(f *testing.F) {
	orders := flash{make([]byte, bootstate.PartitionSize), &supply{10}}
	for _, kept := range []map[string][]byte{{}, {Lasting[0]: []byte(ledger), "config/farspoke.yaml": []byte("evil"), "../x": nil}} {
		if err := writeCopies(orders, kept); err != nil {
			f.Fatal(err)
		}
		if got := readCopies(orders); got == nil || len(got) > 1 || string(got[Lasting[0]]) != string(kept[Lasting[0]]) {
			f.Fatalf("of %v there is %v", kept, got)
		}
		f.Add(bytes.Clone(orders.data[copiesOffset:][:300]))
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name := range parseCopies(data) {
			if name != Lasting[0] {
				t.Errorf("%q is put into the new file system", name)
			}
		}
	})
}
