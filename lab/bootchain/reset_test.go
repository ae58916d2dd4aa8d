//go:build disk

package bootchain

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
)

// TestFactoryReset resets a box with an owner's data twice: by its button, with a
// power cut between the order and the next start, and then by the command.
func TestFactoryReset(t *testing.T) {
	t.Parallel()
	const (
		secret  = "the-owners-secret-of-2026"
		deleted = "what-the-secret-was-before"
		apn     = `{"seen":"the-owners-apn"}`
		ledger  = `{"key":"AAAA","entries":[]}`
	)
	d := newDisk(t, ordinarySize)
	d.install(bootstate.B, withFile(t, "/etc/farspoke/farspoke.yaml", []byte("hostname: from-the-image\n")))
	d.record(bootstate.Fresh().Settle(bootstate.B))
	d.furnish(map[string]string{
		"config/farspoke.yaml": "hostname: from-the-owner\n", "config/secrets.yaml": "ike-hq: " + secret + "\n",
		"records/apn.json": apn, "records/pin.json": ledger, "deleted": deleted,
	})

	box := start(t, d.path)
	box.calledItself("from-the-owner")
	box.see("milestone=button")
	if err := box.StayOff(); err != nil { // or it would be reset before this test has cut its power
		t.Fatal(err)
	}
	if err := box.Button(true); err != nil {
		t.Fatal(err)
	}
	box.see("letting go of the button now means a factory reset")
	if err := box.Button(false); err != nil {
		t.Fatal(err)
	}
	box.see("a factory reset is ordered")
	box.Stop()
	if !bytes.Contains(d.raw("data"), []byte(secret)) {
		t.Fatal("the power was cut too late")
	}

	const done = "the box was reset to its factory state$"
	box = start(t, d.path)
	box.see(done)
	box.calledItself("from-the-image")
	for _, left := range []string{"owner", deleted} {
		if bytes.Contains(d.raw("data"), []byte(left)) {
			t.Errorf("%q is still on the disk", left)
		}
	}

	box.enter("factory-reset", "if one did") // the question is on a line without an end
	box.enter("yes", "a factory reset is ordered")
	box.see(done)
	box.calledItself("from-the-image")
	box.Stop()
	d.expectRecord(bootstate.B)
	system := d.take("data")
	checkFileSystem(t, system)
	if got := debugfs(t, system, "cat /records/pin.json"); !strings.Contains(got, ledger) {
		t.Errorf("the ledger of PINs holds %q", got)
	}
}

// enter types a command and waits for what it leads to.
func (b *box) enter(line, leadsTo string) {
	b.t.Helper()
	if _, err := b.Console.Write([]byte(line + "\r")); err != nil {
		b.t.Fatal(err)
	}
	b.see(leadsTo)
}

// furnish gives a new disk a data partition with files by their paths. The file
// "deleted" is deleted again, and its content left on the disk.
func (d disk) furnish(files map[string]string) {
	d.t.Helper()
	root, system := d.t.TempDir(), filepath.Join(d.t.TempDir(), "data")
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			d.t.Fatal(err)
		}
	}
	if out, err := exec.Command("/sbin/mke2fs", "-q", "-t", "ext4", "-d", root, system, "32M").CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
	debugfs(d.t, system, "rm deleted")
	data, err := os.ReadFile(system)
	if err != nil {
		d.t.Fatal(err)
	}

	table := d.table()
	first := table.Partitions[len(table.Partitions)-1].Last + 1
	table.Partitions = append(table.Partitions, gpt.Partition{
		Name: "data", Type: gpt.LinuxData, ID: gpt.GUID{0xda}, First: first, Last: first + uint64(len(data))/gpt.Sector - 1,
	})
	head, tail, err := table.Marshal(ordinarySize / gpt.Sector)
	if err != nil {
		d.t.Fatal(err)
	}
	file, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	_, err1 := file.WriteAt(head, 0)
	_, err2 := file.WriteAt(tail, ordinarySize-int64(len(tail)))
	if err := errors.Join(err1, err2); err != nil {
		d.t.Fatal(err)
	}
	d.write("data", 0, data)
}

// raw returns all that is on a partition.
func (d disk) raw(partition string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.take(partition))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}
