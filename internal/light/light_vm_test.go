//go:build vm

package light

import (
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
)

// modules are what these tests load in the VM.
var modules = []string{"uinput", "ledtrig_timer"}

// What is needed of linux/uinput.h and linux/input-event-codes.h.
const (
	uiDevCreate = 0x5501
	uiSetEvBit  = 0x40045564
	uiSetLEDBit = 0x40045569
	evLED       = 0x11
	ledCapsLock = 1
)

// lamp is a keyboard of ours with one LED, which the kernel drives as it does any
// other. It tells when the LED goes on and off.
func lamp(t *testing.T) (dir string, changes <-chan bool) {
	t.Helper()
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := loader.Load(modules...); err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile("/dev/uinput", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	fd := int(device.Fd())
	for request, value := range map[uint]int{uiSetEvBit: evLED, uiSetLEDBit: ledCapsLock} {
		if err := unix.IoctlSetInt(fd, request, value); err != nil {
			t.Fatal(err)
		}
	}
	description := make([]byte, 80+8+4+4*64*4) // struct uinput_user_dev
	copy(description, "lamp")
	if _, err := device.Write(description); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetInt(fd, uiDevCreate, 0); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob("/sys/class/leds/input*::capslock")
	if err != nil || len(found) == 0 {
		t.Fatalf("the kernel shows no LED: %v", err)
	}
	out := make(chan bool, 100)
	go func() {
		defer close(out)
		event := make([]byte, 24) // struct input_event: time, type, code, value
		for {
			if n, err := device.Read(event); err != nil || n != len(event) {
				return
			}
			if binary.LittleEndian.Uint16(event[16:]) == evLED {
				out <- binary.LittleEndian.Uint32(event[20:]) != 0
			}
		}
	}()
	return found[len(found)-1], out
}

// TestKernelBlinks has a Light drive an LED of the kernel's.
func TestKernelBlinks(t *testing.T) {
	dir, changes := lamp(t)
	var b box
	b.Store(Condition{Uplink: true})
	l := New(dir, &b, slog.New(slog.NewTextHandler(t.Output(), nil)))
	begin := time.Now() // before the kernel may begin: it does not wait for us
	l.update(time.Unix(1, 0))
	if !l.known || l.shown != Connecting {
		t.Fatalf("shows %v, %v, want %v", l.shown, l.known, Connecting)
	}
	last := false
	for i := range 10 {
		select {
		case on := <-changes:
			if i > 0 && on == last {
				t.Errorf("change %d: went to %v twice", i, on)
			}
			last = on
		case <-time.After(2 * time.Minute):
			t.Fatalf("the LED does not blink, after %d changes", i)
		}
	}
	if took := time.Since(begin); took < 500*time.Millisecond {
		t.Errorf("ten changes took %v, want about a second", took)
	}

	b.Store(Condition{Uplink: true, Reached: true})
	l.update(time.Unix(2, 0))
	if !l.known || l.shown != Up {
		t.Fatalf("shows %v, %v, want %v", l.shown, l.known, Up)
	}
	brightness, err := os.ReadFile(filepath.Join(dir, "brightness"))
	if err != nil || string(brightness) != "1\n" {
		t.Errorf("brightness %q, %v, want on", brightness, err)
	}
}
