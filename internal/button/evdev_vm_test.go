//go:build vm

package button

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/bootlog"
	"github.com/farspoke/farspoke/internal/kmod"
)

// modules are what these tests load in the VM.
var modules = []string{"uinput", "evdev"}

// What is needed of linux/uinput.h.
const (
	uiDevCreate = 0x5501
	uiSetEvBit  = 0x40045564
	uiSetKeyBit = 0x40045565
)

// plug makes an input device of ours with one key, which the kernel reports as it
// does any other. It is gone when the file is closed.
func plug(t *testing.T, name string, code uint16) *os.File {
	t.Helper()
	device, err := os.OpenFile("/dev/uinput", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	fd := int(device.Fd())
	description := make([]byte, 80+8+4+4*64*4) // struct uinput_user_dev
	copy(description, name)
	_, written := device.Write(description)
	if err := errors.Join(unix.IoctlSetInt(fd, uiSetEvBit, evKey), unix.IoctlSetInt(fd, uiSetKeyBit, int(code)), written, unix.IoctlSetInt(fd, uiDevCreate, 0)); err != nil {
		t.Fatal(err)
	}
	return device
}

// move presses the key down or lets go of it.
func move(t *testing.T, device *os.File, code uint16, value int32) {
	t.Helper()
	for _, e := range []Event{{Type: evKey, Code: code, Value: value}, {Type: evSyn}} {
		data := make([]byte, eventSize)
		binary.NativeEndian.PutUint16(data[16:], e.Type)
		binary.NativeEndian.PutUint16(data[18:], e.Code)
		binary.NativeEndian.PutUint32(data[20:], uint32(e.Value))
		if _, err := device.Write(data); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKernelReportsTheKey waits for a device that comes late, among others, and looks
// at a key that is down before and after it is opened.
func TestKernelReportsTheKey(t *testing.T) {
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := loader.Load(modules...); err != nil {
		t.Fatal(err)
	}
	plug(t, "gpio-keys-polled", restart)
	found := make(chan Device)
	go func() {
		defer close(found)
		device, err := Kernel{}.Await(t.Context(), "gpio-keys")
		if err != nil {
			t.Error(err)
			return
		}
		found <- device
	}()
	key := plug(t, "gpio-keys", restart)
	device, ok := <-found
	if !ok {
		t.FailNow()
	}
	held := func(want bool) {
		t.Helper()
		if got, err := device.Held(restart); err != nil || got != want {
			t.Errorf("the key is held: %v, %v, want %v", got, err, want)
		}
		if got, err := device.Held(restart + 1); err != nil || got {
			t.Errorf("another key is held: %v, %v", got, err)
		}
	}
	held(false)
	for _, value := range []int32{keyDown, keyUp} {
		move(t, key, restart, value)
		for _, want := range []Event{{Type: evKey, Code: restart, Value: value}, {Type: evSyn}} {
			e, err := device.Read()
			if err != nil {
				t.Fatal(err)
			}
			if late := bootlog.Uptime() - e.Time; late < 0 || late > time.Minute {
				t.Errorf("%+v was %v ago, by the clock that only runs on", e, late)
			}
			if e.Time = 0; e != want {
				t.Errorf("the kernel reports %+v, want %+v", e, want)
			}
		}
		held(value == keyDown)
	}

	// Who waits hears that the device is gone, or closed.
	ended := make(chan error)
	go func() { _, err := device.Read(); ended <- err }()
	key.Close()
	if err := <-ended; !errors.Is(err, unix.ENODEV) {
		t.Errorf("reading from a device that has gone: %v", err)
	}
	device.Close()
}
