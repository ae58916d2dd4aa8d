//go:build disk

package bootchain

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
)

// TestConfigurationLivesOnTheDisk starts an image with a site, which the box takes
// to its data partition. What is there afterwards counts, whatever image runs, also
// if the power went without warning.
func TestConfigurationLivesOnTheDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.install(bootstate.A, withFile(t, "/etc/farspoke/farspoke.yaml", []byte("hostname: from-the-image\n")))
	box := start(t, d.path)
	box.calledItself("from-the-image")
	box.Stop()

	system := d.take("data")
	checkFileSystem(t, system)
	if got := debugfs(t, system, "cat /config/farspoke.yaml"); !strings.Contains(got, "hostname: from-the-image") {
		t.Errorf("the data partition has the configuration %q", got)
	}
	changed := filepath.Join(t.TempDir(), "farspoke.yaml")
	if err := os.WriteFile(changed, []byte("hostname: from-the-disk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	debugfs(t, system, "rm /config/farspoke.yaml")
	debugfs(t, system, "write "+changed+" /config/farspoke.yaml")
	data, err := os.ReadFile(system)
	if err != nil {
		t.Fatal(err)
	}
	d.write("data", 0, data)

	box = start(t, d.path)
	box.calledItself("from-the-disk")
}

// TestDamagedDataIsLeftAlone overwrites the file system's beginning: the box runs,
// says so and writes nothing there.
func TestDamagedDataIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	box := start(t, d.path)
	box.started(bootstate.A, bootstate.Good)
	box.Stop()
	d.write("data", 0, []byte(strings.Repeat("x", 4096)))
	before := d.take("data")
	box = start(t, d.path)
	box.seeAll("the data partition is damaged", banner)
	box.Stop()
	one, err1 := os.ReadFile(before)
	two, err2 := os.ReadFile(d.take("data"))
	if err1 != nil || err2 != nil || string(one) != string(two) {
		t.Errorf("the box has changed what it cannot read (%v, %v)", err1, err2)
	}
}

// calledItself waits for the router to answer at the console, and for its prompt with a
// host name.
func (b *box) calledItself(name string) {
	b.t.Helper()
	b.comesToSay("show version", "^Started from slot")
	b.comesToSay("", "^"+name+">")
}

// take copies a partition to a file of its own.
func (d disk) take(partition string) string {
	d.t.Helper()
	p := d.partition(partition)
	in, err := os.Open(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(d.t.TempDir(), partition))
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, io.NewSectionReader(in, p.Offset(), p.Size())); err != nil {
		d.t.Fatal(err)
	}
	return out.Name()
}

// checkFileSystem wants a file system to be as good as new for the next start.
func checkFileSystem(t *testing.T, file string) {
	t.Helper()
	if err := recoverFileSystem(file); err != nil {
		t.Fatal(err)
	}
}

// debugfs changes or reads a file system and returns what it prints.
func debugfs(t *testing.T, file, command string) string {
	t.Helper()
	out, err := exec.Command("/sbin/debugfs", "-w", "-R", command, file).CombinedOutput()
	if err != nil {
		t.Fatalf("debugfs %s: %v\n%s", command, err, out)
	}
	return string(out)
}
