package usb

import (
	"bytes"
	"testing"
)

func (h *host) descriptor(kind, index uint8) []byte {
	h.t.Helper()
	return h.control(Setup{Type: directionIn, Request: getDescriptor, Value: uint16(kind)<<8 | uint16(index), Length: 0xffff}, nil)
}

// TestDescriptors compares with what Linux's drivers have been seen to bind to.
func TestDescriptors(t *testing.T) {
	for _, test := range []struct {
		name                  string
		profile               Profile
		device, configuration string
	}{
		{"MBIM", MBIM, "12 01 00 02 ef 02 01 40 09 12 01 00 00 01 01 02 03 01", `
			09 02 5f 00 02 01 00 a0 fa
			08 0b 00 02 02 0e 00 00
			09 04 00 00 01 02 0e 00 00  05 24 00 10 01  05 24 06 00 01
			0c 24 1b 00 01 00 10 20 80 00 08 20  08 24 1c 00 01 10 dc 05  07 05 81 03 40 00 05
			09 04 01 00 00 0a 00 02 00
			09 04 01 01 02 0a 00 02 00  07 05 82 02 00 02 00  07 05 02 02 00 02 00`},
		{"QMI", QMI, "12 01 00 02 ef 02 01 40 7c 2c 25 01 18 03 01 02 03 01", `
			09 02 98 00 05 01 00 a0 fa
			09 04 00 00 02 ff ff ff 00  07 05 81 02 00 02 00  07 05 01 02 00 02 00
			09 04 01 00 03 ff 00 00 00  07 05 83 03 0a 00 09  07 05 82 02 00 02 00  07 05 02 02 00 02 00
			09 04 02 00 03 ff 00 00 00  07 05 85 03 0a 00 09  07 05 84 02 00 02 00  07 05 03 02 00 02 00
			09 04 03 00 03 ff 00 00 00  07 05 87 03 0a 00 09  07 05 86 02 00 02 00  07 05 04 02 00 02 00
			09 04 04 00 03 ff ff ff 00  07 05 89 03 08 00 09  07 05 88 02 00 02 00  07 05 05 02 00 02 00`},
		{"ECM", ECM, "12 01 00 02 ef 02 01 40 46 15 43 11 00 01 01 02 03 01", `
			09 02 9a 00 04 01 00 a0 fa
			08 0b 00 02 02 02 01 00
			09 04 00 00 01 02 02 01 00  05 24 00 10 01  05 24 01 00 01  04 24 02 02  05 24 06 00 01  07 05 81 03 10 00 09
			09 04 01 00 02 0a 00 00 00  07 05 82 02 00 02 00  07 05 02 02 00 02 00
			08 0b 02 02 02 06 00 00
			09 04 02 00 01 02 06 00 00  05 24 00 10 01  05 24 06 02 03  0d 24 0f 04 00 00 00 00 ea 05 00 00 00  07 05 83 03 10 00 09
			09 04 03 00 00 0a 00 00 00
			09 04 03 01 02 0a 00 00 00  07 05 84 02 00 02 00  07 05 04 02 00 02 00`},
	} {
		t.Run(test.name, func(t *testing.T) {
			plugIn(t, test.profile, func(t *testing.T, h *host) {
				if got, want := h.descriptor(descriptorDevice, 0), octets(t, test.device); !bytes.Equal(got, want) {
					t.Errorf("device:\n% x, want\n% x", got, want)
				}
				if got, want := h.descriptor(descriptorConfig, 0), octets(t, test.configuration); !bytes.Equal(got, want) {
					t.Errorf("configuration:\n% x, want\n% x", got, want)
				}
			})
		})
	}
}

func TestStrings(t *testing.T) {
	plugIn(t, ECM, func(t *testing.T, h *host) {
		for index, want := range map[uint8]string{
			stringLanguages:    "04 03 09 04",
			stringManufacturer: "14 03 7500 2d00 6200 6c00 6f00 7800 2000 4100 4700",
			stringHostMAC:      "1a 03 3000 3200 3500 3000 4600 3300 3000 3000 3000 3000 3000 3200",
		} {
			if got := h.descriptor(descriptorString, index); !bytes.Equal(got, octets(t, want)) {
				t.Errorf("string %d: % x, want %s", index, got, want)
			}
		}
		if e := h.begin(&Transfer{Setup: Setup{Type: directionIn, Request: getDescriptor, Value: descriptorString<<8 | 9, Length: 255}}); e.status != Stalled {
			t.Errorf("a string that is not there: %+v", *e)
		}
	})
}

func TestIdentityOfAnother(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.f.Imitate(Identity{Vendor: 0x1199, Product: 0x9079, Release: 0x0006})
		if got := h.device.Identity().Vendor; got != 0x1209 {
			t.Errorf("it is already %#x", got)
		}
		h.f.Plug(3)
		h.appeared()
		if got := h.descriptor(descriptorDevice, 0)[8:12]; !bytes.Equal(got, []byte{0x99, 0x11, 0x79, 0x90}) || h.device.Port() != 3 {
			t.Errorf("it is % x in port %d", got, h.device.Port())
		}
	})
}
