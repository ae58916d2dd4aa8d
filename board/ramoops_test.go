package board

import "testing"

// TestCrashMemoryIsApart checks that the boot loader puts nothing over the text of a
// crash, as far as it is told where to put things: what it finds room for by itself
// keeps off what the device tree reserves.
func TestCrashMemoryIsApart(t *testing.T) {
	const slot, kernel, sector, highest = 48 << 20, 64 << 20, 512, 50 << 20
	for _, b := range All() {
		r := b.Ramoops
		if r == (Ramoops{}) {
			continue
		}
		if r.RecordSize == 0 || r.Size%r.RecordSize != 0 || r.Address%0x1000 != 0 {
			t.Errorf("%s: %d octets at %#x do not hold records of %d", b.Name, r.Size, r.Address, r.RecordSize)
		}
		for what, place := range map[string]struct{ first, size uint32 }{
			"a slot": {b.Boot.ImageAddress, slot}, "the kernel": {b.Boot.KernelAddress, kernel}, "a record": {b.Boot.RecordAddress, sector},
			"the initramfs": {b.Boot.HighestAddress - min(highest, b.Boot.HighestAddress), highest},
		} {
			if place.first != 0 && place.first < r.Address+r.Size && r.Address < place.first+place.size {
				t.Errorf("%s: the text of a crash, at %#x, lies where %s goes, from %#x", b.Name, r.Address, what, place.first)
			}
		}
	}
}
