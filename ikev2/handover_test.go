package ikev2

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// What testdata/record.json holds: a record as a box had it that asked its hub
// whether it lives, and was replaced before the answer.
const (
	savedSPIi, savedSPIr        = "764b0dc1b8442de3", "aef61b6cb4a42ff6"
	savedIn, savedOut    uint32 = 0xdf6e6a8b, 0x78c292c7
	savedRequest                = 3
)

// TestRecordOfAnEarlierVersion: a binary that is put in the place of another
// goes on with its SPIs and message ids. If this test fails, an update costs
// every box its SAs.
func TestRecordOfAnEarlierVersion(t *testing.T) {
	original, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		record []byte
		words  string // why it is refused, empty if it is taken
	}{
		"as it was":            {original, ""},
		"with fields to come":  {bytes.Replace(original, []byte(`"Wanted": true,`), []byte(`"Wanted": true, "Later": {"a": [1]},`), 1), ""},
		"in a layout to come":  {bytes.Replace(original, []byte(`{`), []byte(`{"Layout": 7,`), 1), "a newer version saved it"},
		"of another profile":   {bytes.Replace(original, []byte(`"Fingerprint": "`), []byte(`"Fingerprint": "0`), 1), "the profile hq has changed"},
		"of what is not state": {[]byte(`{"Profile": "hq", "Fingerprint": "` + fingerprintOf(t) + `", "State": []}`), "read its state"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				spoke := l.box(spokeAddr)
				spoke.memory.records["ikev2-front:"+hubAddr.String()] = test.record
				spoke.install(t, original)
				hub := &socket{lab: l, packets: make(chan udp.Packet, 100)}
				l.sockets[hubAddr] = hub
				f := &faults{calls: make(map[string]int)}
				spoke.change = func(deps *Deps) { f.change(deps) }
				spoke.boot(testProfile(goodKey))
				if test.words != "" {
					if !strings.Contains(f.words(), test.words) || len(spoke.kernel.spis()) != 0 {
						t.Errorf("SAs %x, words %q", spoke.kernel.spis(), f.words())
					}
					spoke.stop()
					return
				}
				status := spoke.engine.Status().Peers[0]
				if !status.Protected || status.SPIi != savedSPIi || status.SPIr != savedSPIr {
					t.Errorf("status: %+v", status)
				}
				if want := []uint32{savedOut, savedIn}; !slices.Equal(spoke.kernel.spis(), want) {
					t.Errorf("SAs %x, want %x", spoke.kernel.spis(), want)
				}
				packet := <-hub.packets
				h, err := wire.ParseHeader(packet.Data)
				if err != nil || h.MessageID != savedRequest || h.Exchange != wire.Informational {
					t.Errorf("goes on with %+v, %v", h, err)
				}
				if len(f.words()) > 0 {
					t.Errorf("complains: %s", f.words())
				}
				spoke.stop()
			})
		})
	}
}

func fingerprintOf(t *testing.T) string {
	t.Helper()
	print, err := testProfile(goodKey).fingerprint("hq")
	if err != nil {
		t.Fatal(err)
	}
	return print
}

// install puts the SAs of a record into the kernel.
func (b *box) install(t *testing.T, record []byte) {
	t.Helper()
	var saved savedSession
	var state session.State
	if err := json.Unmarshal(record, &saved); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(saved.State, &state); err != nil {
		t.Fatal(err)
	}
	for _, sa := range session.Restore(session.Config{}, state, rand.Reader).InstalledSAs() {
		if err := b.kernel.AddSA(kernelSA(sa)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherProfilesChange: a configuration that leaves a profile alone costs its
// peers nothing, whatever it does to others.
func TestOtherProfilesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, _ := pair(t)
		before := spoke.kernel.spis()
		other := testProfile("another key altogether")
		for _, cfg := range []Config{
			{"hq": testProfile(goodKey), "another": other},
			{"hq": testProfile(goodKey), "another": testProfile(goodKey)},
			{"hq": testProfile(goodKey)},
		} {
			spoke.stop()
			sent := l.sent.Load()
			spoke.bootWith(cfg)
			if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
				t.Fatal(err)
			}
			l.agree(spoke, hub)
			if !slices.Equal(before, spoke.kernel.spis()) || l.sent.Load() != sent {
				t.Errorf("with %d profiles the SAs are not kept", len(cfg))
			}
		}
		spoke.stop()
		hub.stop()
	})
}

// buggyKernel panics at one call of AddSA.
type buggyKernel struct {
	Kernel
	left atomic.Int64
}

func (k *buggyKernel) AddSA(sa xfrm.SA) error {
	if k.left.Add(-1) == 0 {
		panic("a bug")
	}
	return k.Kernel.AddSA(sa)
}

// TestBugInAPacket: a packet that meets a bug costs itself. The session goes on
// from where it was, and comes to the same end.
func TestBugInAPacket(t *testing.T) {
	for call, where := range []string{"", "the first SA", "the second SA", "the first SA of a rekeying", "the second SA of a rekeying"} {
		if call == 0 {
			continue
		}
		for role, at := range map[string]netip.Addr{"initiator": spokeAddr, "responder": hubAddr} {
			t.Run(role+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t)
					spoke, hub := l.box(spokeAddr), l.box(hubAddr)
					struck := map[netip.Addr]*box{spokeAddr: spoke, hubAddr: hub}[at]
					bug, f := new(buggyKernel), &faults{calls: make(map[string]int)}
					bug.left.Store(int64(call))
					struck.change = func(deps *Deps) {
						f.change(deps)
						bug.Kernel = deps.Kernel
						deps.Kernel = bug
					}
					hub.boot(testProfile(goodKey))
					hub.admit(spokeAddr)
					spoke.boot(testProfile(goodKey))
					if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
						t.Fatal(err)
					}
					time.Sleep(6 * time.Minute)
					for range 60 { // until no rekeying is under way
						if synctest.Wait(); len(spoke.kernel.spis()) == 2 && len(hub.kernel.spis()) == 2 {
							break
						}
						time.Sleep(time.Second)
					}
					l.agree(spoke, hub)
					status := struck.engine.Status()
					if status.Panics != 1 || !strings.Contains(f.words(), "a packet met a bug; please report it") {
						t.Errorf("%d panics; words: %s", status.Panics, f.words())
					}
					if p := status.Peers[0]; !p.Protected || p.Counters.Authentications != 1 {
						t.Errorf("status: %+v", p)
					}
					spoke.stop()
					hub.stop()
				})
			})
		}
	}
}
