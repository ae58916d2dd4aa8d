//go:build vm

package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
)

// generator is the kernel's packet generator. What it sends has come in by the
// device.
type generator struct {
	ns     netns.NsHandle
	device string
	// from and to are the UDP packets', gateway their link address.
	from, to netip.AddrPort
	gateway  net.HardwareAddr
}

// generatedSize is a packet's size in octets, generatedFrame that of its frame.
const (
	generatedSize  = 128
	generatedFrame = generatedSize + 14
)

// send sends packets and returns how long that took, with all that the kernel
// does with a packet before the next is its turn.
func (g *generator) send(b *testing.B, packets int) (took time.Duration) {
	b.Helper()
	check(b, in(g.ns, func() error {
		if err := g.tell("kpktgend_0", "rem_device_all", "add_device "+g.device); err != nil {
			return err
		}
		if err := g.tell(g.device,
			fmt.Sprintf("count %d", packets), fmt.Sprintf("pkt_size %d", generatedFrame), "xmit_mode netif_receive", "delay 0",
			"src_min "+g.from.Addr().String(), "src_max "+g.from.Addr().String(), "dst "+g.to.Addr().String(), "dst_mac "+g.gateway.String(),
			fmt.Sprintf("udp_src_min %d", g.from.Port()), fmt.Sprintf("udp_src_max %d", g.from.Port()),
			fmt.Sprintf("udp_dst_min %d", g.to.Port()), fmt.Sprintf("udp_dst_max %d", g.to.Port()),
		); err != nil {
			return err
		}
		if err := g.tell("pgctrl", "start"); err != nil {
			return err
		}
		report, err := os.ReadFile(generatorDir + g.device)
		if err != nil {
			return err
		}
		var microseconds int64
		var sent int
		_, result, _ := strings.Cut(string(report), "Result: OK: ")
		_, counted, _ := strings.Cut(result, "usec, ")
		if _, err := fmt.Sscanf(result, "%d(", &microseconds); err != nil {
			return fmt.Errorf("read the packet generator's result: %w\n%s", err, report)
		}
		if _, err := fmt.Sscanf(counted, "%d ", &sent); err != nil || sent != packets {
			return fmt.Errorf("the packet generator sent %d packets of %d (%v)\n%s", sent, packets, err, report)
		}
		took = time.Duration(microseconds) * time.Microsecond
		return nil
	}))
	return took
}

const generatorDir = "/proc/thread-self/net/pktgen/"

// tell writes lines to one of the generator's files.
func (g *generator) tell(file string, lines ...string) error {
	for _, line := range lines {
		if err := os.WriteFile(generatorDir+file, []byte(line+"\n"), 0); err != nil {
			return fmt.Errorf("tell the packet generator %s: %w", line, err)
		}
	}
	return nil
}
