package session

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"
)

// BenchmarkHandshake is IKE_SA_INIT and IKE_AUTH with the first child SA, the
// work of both sides.
func BenchmarkHandshake(b *testing.B) {
	for _, group := range []string{"curve25519", "ecp256", "ecp384", "modp2048"} {
		b.Run(group, func(b *testing.B) {
			c := config(b, "aes256-sha256-"+group, testESP)
			b.ReportAllocs()
			for b.Loop() {
				spoke, hub := fresh(c)
				exchange(b, spoke, hub, spoke.Want(0))
			}
		})
	}
}

// BenchmarkRekey is CREATE_CHILD_SA, without and with perfect forward secrecy,
// and the deletion of what it replaced, the work of both sides.
func BenchmarkRekey(b *testing.B) {
	for _, pfs := range []bool{false, true} {
		b.Run(fmt.Sprintf("pfs=%t", pfs), func(b *testing.B) {
			c := config(b, "aes256-sha256-ecp256", testESP)
			c.PFS = pfs
			spoke, hub := fresh(c)
			exchange(b, spoke, hub, spoke.Want(0))
			b.ReportAllocs()
			now := Instant(0)
			for b.Loop() {
				now += c.Lifetime - time.Second
				exchange(b, spoke, hub, spoke.Tick(now))
				hub.Tick(now)
			}
		})
	}
}

// fresh returns two Sessions that know of each other and have nothing yet.
func fresh(c Config) (spoke, hub *Session) {
	spoke, hub = New(c, hubAddr, rand.Reader), New(c, spokeAddr, rand.Reader)
	spoke.Uplink(0, spokeAddr)
	hub.Uplink(0, hubAddr)
	return spoke, hub
}

// exchange carries packets between two Sessions until neither has anything to
// say, and demands that child SAs came of it.
func exchange(b *testing.B, from, to *Session, e Effects) {
	b.Helper()
	installed := 0
	for ; len(e.Send) > 0; from, to = to, from {
		var answers Effects
		for _, p := range e.Send {
			back := to.Receive(from.now, Packet{Local: p.Remote, Remote: p.Local, Data: p.Data})
			answers.Send = append(answers.Send, back.Send...)
			installed += len(back.Install)
		}
		e = answers
	}
	if installed == 0 {
		b.Fatal("no child SA came up")
	}
}
