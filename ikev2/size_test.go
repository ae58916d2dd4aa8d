package ikev2

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/internal/secret"
)

// TestMessagesAreShort opens and rekeys with the default proposals, and with the
// largest group: no message needs more than the 1280 octets that every path and
// every peer takes (RFC 7296 section 2).
func TestMessagesAreShort(t *testing.T) {
	for name, proposals := range map[string][]string{"default": nil, "largest group": {"aes256-sha512-modp4096"}} {
		t.Run(name, func(t *testing.T) {
			p := Profile{Local: Local{ID: "a-box-with-quite-a-long-name.branches.example.net", PSK: secret.New("ike-hq", goodKey)}, Remote: Remote{ID: "any"}, PFS: true, IKE: proposals, Lifetime: 12 * time.Hour}
			c, err := p.resolve()
			if err != nil {
				t.Fatal(err)
			}
			now := session.Instant(time.Minute)
			ends := map[netip.Addr]*session.Session{
				spokeAddr: session.New(c, hubAddr, rand.Reader), hubAddr: session.New(c, spokeAddr, rand.Reader),
			}
			longest, sent := 0, 0
			var carry func(session.Effects)
			carry = func(e session.Effects) {
				for _, p := range e.Send {
					longest, sent = max(longest, len(p.Data)), sent+1
					carry(ends[p.Remote.Addr()].Receive(now, session.Packet{Local: p.Remote, Remote: p.Local, Data: p.Data}))
				}
			}
			for addr, s := range ends {
				carry(s.Uplink(now, addr))
			}
			carry(ends[spokeAddr].Want(now))
			for range 3 * 24 * 60 {
				now += time.Minute
				for _, s := range ends {
					carry(s.Tick(now))
				}
			}
			if rekeys := ends[spokeAddr].Status(now).Counters; rekeys.IKERekeys < 1 || rekeys.ChildRekeys < 3 {
				t.Fatalf("%d messages with %d and %d rekeyings", sent, rekeys.IKERekeys, rekeys.ChildRekeys)
			}
			if longest > 1280 {
				t.Errorf("the longest of %d messages has %d octets", sent, longest)
			}
			t.Logf("%d messages, the longest of %d octets", sent, longest)
		})
	}
}
