//go:build vm

package udp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// esp seals ESP packets for an SA with AES-GCM (RFC 4106).
type esp struct {
	spi, sequence uint32
	key           []byte // with the salt
}

// next returns a packet with a GRE header inside, which the kernel opens, counts
// and drops for want of a tunnel.
func (e *esp) next() []byte {
	e.sequence++
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, e.spi), e.sequence)
	iv := binary.BigEndian.AppendUint64(nil, uint64(e.sequence))
	block, err := aes.NewCipher(e.key[:len(e.key)-4])
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	plain := []byte{0, 0, 8, 0, 1, 2, 2, unix.IPPROTO_GRE} // two octets of padding
	nonce := append(append([]byte(nil), e.key[len(e.key)-4:]...), iv...)
	return gcm.Seal(append(header, iv...), nonce, plain, header)
}

// TestESPInUDPOnAnExtraPort shows that the kernel takes ESP out of UDP on an extra
// port within the VRF, and goes on with it while there is no process.
func TestESPInUDPOnAnExtraPort(t *testing.T) {
	join(t, "wan2", "core2")
	wan, core := newVRF(t, "front2", 30, "wan2"), newVRF(t, "isp2", 40, "core2")
	carries(t, "wan2")
	carries(t, "core2")
	box, far := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	if err := errors.Join(netlink.AddrAdd(wan, prefix(box)), netlink.AddrAdd(core, prefix(far))); err != nil {
		t.Fatal(err)
	}
	const port = FirstExtra + 100
	handle, err := xfrm.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	sealer := &esp{spi: 0x1001, key: make([]byte, 36)}
	sa := xfrm.SA{
		Src: far, Dst: box, SPI: sealer.spi, ReqID: 99, In: true, ReplayWindow: 64,
		AEAD:  &xfrm.Algorithm{Name: "rfc4106(gcm(aes))", Key: sealer.key, ICVBits: 128},
		Encap: &xfrm.Encap{SrcPort: PortNAT, DstPort: port},
	}
	if err := handle.AddSA(sa); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.DeleteSA(sa.ID()) })
	opened := func() uint64 {
		t.Helper()
		states, err := handle.SAs(sa.ReqID)
		if err != nil || len(states) != 1 {
			t.Fatalf("SAs: %v, %v", states, err)
		}
		return states[0].Packets
	}

	held := make(holder)
	defer held.close()
	conn, err := Open("front2", nil, held)
	if err != nil {
		t.Fatal(err)
	}
	remote := peerSocket(t, "isp2", netip.AddrPortFrom(far, PortNAT), true)
	send := func() { write(t, remote, sealer.next(), netip.AddrPortFrom(box, port)) }
	arrives := func(want uint64) {
		t.Helper()
		deadline := time.After(patience)
		for tick := time.NewTicker(20 * time.Millisecond); opened() < want; {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("the SA has opened %d packets, want %d", opened(), want)
			}
		}
	}

	if err := conn.Keepalive(netip.AddrPortFrom(box, port), remote.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	send()
	arrives(1)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	send()
	arrives(2)
	next := startHeld(t, "front2", held, maps.Clone(held))
	send()
	arrives(3)
	if err := next.Retain(); err != nil {
		t.Fatal(err)
	}
	// Once the port is retired nobody takes ESP from it: what is sent after a
	// packet through 4500 has arrived would have come before.
	send()
	write(t, remote, sealer.next(), netip.AddrPortFrom(box, PortNAT))
	arrives(4)
	if got := opened(); got != 4 {
		t.Errorf("the SA has opened %d packets, want 4: the retired port still takes ESP", got)
	}
}
