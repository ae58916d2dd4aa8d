//go:build vm

package lockdown

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
)

const securityDir = "/sys/kernel/security"

// TestConfidentialityHoldsForRoot locks the kernel down and tries, as root with all
// capabilities, what the box relies on that nobody can do. Nothing unlocks it again.
func TestConfidentialityHoldsForRoot(t *testing.T) {
	if err := unix.Mount("securityfs", securityDir, "securityfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if s := Read(os.DirFS("/")); s.Kernel != Off || s.SignedModules || s.ReadOnlyRoot || len(s.Open) == 0 {
		t.Errorf("before it is locked down the kernel says %+v", s)
	}
	key := bytes.Repeat([]byte{0x5a}, 20)
	if got := keyOfSA(t, key); !bytes.Equal(got, key) {
		t.Errorf("before it is locked down the kernel says that the key is %x", got)
	}

	if err := os.WriteFile(filepath.Join(securityDir, "lockdown"), []byte(Confidentiality), 0); err != nil {
		t.Fatal(err)
	}
	if s := Read(os.DirFS("/")); s.Kernel != Confidentiality || len(s.Gaps(true)) == 0 {
		t.Errorf("locked down, the kernel says %+v", s)
	}
	// ikev2 knows by the zeros that a key is not shown.
	if got := keyOfSA(t, key); !bytes.Equal(got, make([]byte, len(key))) {
		t.Errorf("the kernel says that the key is %x, want zeros", got)
	}
	modules, err := kmod.Open("/lib/modules")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"load an unsigned module":   unix.InitModule(unsigned(t), ""),
		"say where a driver writes": modules.LoadParams("ramoops", "mem_address=0x5c000000 mem_size=0x100000"),
		"read the machine's memory": openFile("/dev/mem"),
		"read the kernel's memory":  openFile("/proc/kcore"),
		"start another kernel":      loadKernel(),
	} {
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v, want %v", what, err, unix.EPERM)
		}
	}
	if err := os.WriteFile(filepath.Join(securityDir, "lockdown"), []byte(Integrity), 0); err == nil {
		t.Error("the kernel takes a lesser level")
	}
	if err := modules.Load("dummy"); err != nil {
		t.Errorf("a signed module is refused: %v", err)
	}
}

// keyOfSA installs an SA with a key and returns the one that the kernel shows.
func keyOfSA(t *testing.T, key []byte) []byte {
	t.Helper()
	sa := &netlink.XfrmState{
		Src: net.IPv4(192, 0, 2, 1), Dst: net.IPv4(192, 0, 2, 2), Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Spi: 0x1001,
		Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: key, ICVLen: 128},
	}
	if err := netlink.XfrmStateAdd(sa); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := netlink.XfrmStateDel(sa); err != nil {
			t.Error(err)
		}
	}()
	shown, err := netlink.XfrmStateGet(sa)
	if err != nil || shown.Aead == nil {
		t.Fatalf("the kernel shows %v, %v", shown, err)
	}
	return shown.Aead.Key
}

// unsigned returns a module of the VM, whole but for the mark of its signature.
func unsigned(t *testing.T) []byte {
	t.Helper()
	found, err := filepath.Glob("/lib/modules/*/kernel/drivers/net/dummy.ko")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %q, %v", found, err)
	}
	module, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	module, ok := bytes.CutSuffix(module, []byte("~Module signature appended~\n"))
	if !ok {
		t.Fatalf("%s is not signed", found[0])
	}
	return module
}

func openFile(name string) error {
	file, err := os.Open(name)
	if err == nil {
		file.Close()
	}
	return err
}

// loadKernel takes away the kernel that would be started next, which is none.
func loadKernel() error {
	if _, _, errno := unix.Syscall6(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
