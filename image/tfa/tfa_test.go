//go:build image

package tfa

import (
	"bytes"
	"os"
	"testing"

	"github.com/farspoke/farspoke/image/fip"
	"github.com/farspoke/farspoke/internal/debian"
)

// TestTwoBuildsAreTheSame builds for the platform of the Armada 3720 boards twice,
// in different places.
func TestTwoBuildsAreTheSame(t *testing.T) {
	users, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.Source(t.Context(), "arm-trusted-firmware"); err != nil {
		t.Fatal(err)
	}
	var packages [][]byte
	for range 2 {
		cache := debian.Cache(t.TempDir())
		if err := os.Symlink(users.Path("sources"), cache.Path("sources")); err != nil {
			t.Fatal(err)
		}
		b, err := For(t.Context(), cache, "a3700", "USE_COHERENT_MEM=0")
		if err != nil {
			t.Fatal(err)
		}
		first, err := b.BL1()
		if err != nil {
			t.Fatal(err)
		}
		rest, err := b.Package([]byte("boot loader"))
		if err != nil {
			t.Fatal(err)
		}
		if m := rest.Find(fip.BL33); m == nil || string(m.Data) != "boot loader" {
			t.Errorf("the boot loader is %+v", m)
		}
		if bytes.Contains(rest.Find(fip.BL31).Data, []byte(cache)) {
			t.Error("it tells where it was built")
		}
		packages = append(packages, append(first, rest.Marshal(1)...))
	}
	if !bytes.Equal(packages[0], packages[1]) {
		t.Error("the two are not the same")
	}
}
