package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/farspoke/farspoke/lab/qemu"
)

// Lab is the network with a hub in it, ready for a spoke. It lives as long as
// its context.
type Lab struct {
	*Network
	Hub *qemu.VM

	dir    string
	images images
}

// guestArgs is the kernel command line of the machines of the other make, which
// leaves out what the box's leaves out (board/virt.go).
var guestArgs = []string{"console=ttyAMA0", "quiet", "panic=1", "cryptomgr.notests"}

// Open builds the network and starts the hub; [Lab.WaitHub] waits until it
// serves. It must run inside the sandbox.
func Open(ctx context.Context) (*Lab, error) {
	images, err := loadImages()
	if err != nil {
		return nil, err
	}
	// The sandbox has a /run of its own, where names of sockets are short
	// enough.
	dir := "/run/lab"
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(logFile("carrier"))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { log.Close() })
	network, err := NewNetwork(ctx, log)
	if err != nil {
		return nil, err
	}
	lab := &Lab{Network: network, dir: dir, images: images}
	lab.Hub, err = qemu.Start(ctx, dir, qemu.Config{
		Name:      "hub",
		Kernel:    images.Hub.Kernel,
		Initramfs: images.Hub.Initramfs,
		Args:      guestArgs,
		CPUs:      1,
		MemoryMiB: 512,
		NICs:      hubNICs,
		Shell:     true,
		Log:       logFile("hub"),
	})
	return lab, err
}

// WaitHub waits until the hub has started all its daemons. mark is where on the
// hub's console to look from.
func (l *Lab) WaitHub(ctx context.Context, mark int) error {
	_, err := l.Hub.Console.Wait(ctx, mark, "milestone=hub")
	if err != nil {
		return fmt.Errorf("wait for the hub: %w", err)
	}
	return nil
}

// openServing is Open, and the hub serves.
func openServing(ctx context.Context) (*Lab, error) {
	lab, err := Open(ctx)
	if err != nil {
		return nil, err
	}
	return lab, lab.WaitHub(ctx, 0)
}

// RebootHub resets the hub and waits until it serves again.
func (l *Lab) RebootHub(ctx context.Context) error {
	mark := l.Hub.Console.Mark()
	if err := l.Hub.Reset(); err != nil {
		return err
	}
	return l.WaitHub(ctx, mark)
}

// MoveHub gives the hub another address on the internet and points its name
// there.
func (l *Lab) MoveHub(ctx context.Context, from, to netip.Addr) error {
	_, err := l.Hub.Run(ctx, fmt.Sprintf("ip addr del %s/24 dev eth0; ip addr add %s/24 dev eth0", from, to))
	// The carrier's server lives as long as the lab.
	return errors.Join(err, l.DHCP.PointHub(context.WithoutCancel(ctx), to))
}

// ForgetSpoke makes the hub as it was before it met the spoke: no SA, no NHRP
// registration.
func (l *Lab) ForgetSpoke(ctx context.Context) error {
	_, err := l.Hub.Run(ctx, `swanctl --terminate --ike dmvpn --force --timeout 0 >/dev/null 2>&1; vtysh -c "clear ip nhrp cache"`)
	return err
}

// ForgetRegistrations has the hub take the next registrations for new ones. FRR 8.4
// now and then leaves a spoke whose NBMA address changes under its registration with
// the neighbour 0.0.0.0 for good, whatever the spoke does.
func (l *Lab) ForgetRegistrations(ctx context.Context) error {
	_, err := l.Hub.Run(ctx, `vtysh -c "clear ip nhrp cache"`)
	return err
}

// HubSA is one of the hub's CHILD_SAs, as strongSwan lists it. SPIs are in
// hexadecimal.
type HubSA struct {
	SPIIn, SPIOut string
	PacketsIn     int
	State         string
}

// HubSAs returns the hub's CHILD_SAs.
func (l *Lab) HubSAs(ctx context.Context) ([]HubSA, error) {
	out, err := l.Hub.Run(ctx, "swanctl --list-sas --raw")
	if err != nil {
		return nil, err
	}
	return parseSAs(out), nil
}

// parseSAs reads the CHILD_SAs of swanctl's raw listing, in which every value
// is a word key=value and sections are in braces.
func parseSAs(raw string) []HubSA {
	var sas []HubSA
	for _, section := range strings.Split(raw, "child-sas {")[1:] {
		for _, child := range strings.Split(section, "{name=gre ")[1:] {
			fields := make(map[string]string)
			body, _, _ := strings.Cut(child, "}")
			for _, word := range strings.Fields(body) {
				if key, value, ok := strings.Cut(word, "="); ok {
					fields[key] = value
				}
			}
			packets, err := strconv.Atoi(fields["packets-in"])
			if err != nil {
				packets = 0 // a new SA has counted nothing
			}
			sas = append(sas, HubSA{
				SPIIn: fields["spi-in"], SPIOut: fields["spi-out"],
				PacketsIn: packets,
				State:     fields["state"],
			})
		}
	}
	return sas
}

// showLimit is how long a machine may take to say how it is, when something has
// failed and it perhaps hangs.
const showLimit = time.Minute

// showLosses shows a Linux's counters of what it has dropped.
const showLosses = `grep -v "[[:space:]]0$" /proc/net/xfrm_stat; cat /proc/net/dev /proc/net/stat/nf_conntrack /proc/net/stat/arp_cache; grep ^Ip: /proc/net/snmp`

// show prints what the hub knows, for a reader who wonders why something
// failed.
func (l *Lab) show(ctx context.Context, w io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, showLimit)
	defer cancel()
	out, err := l.Hub.Run(ctx, `swanctl --list-sas; vtysh -c "show ip nhrp cache"; ip -s xfrm state | grep -v aead; ip neigh; `+showLosses)
	fmt.Fprintf(w, "hub (%v):\n%s\n", err, out)
}
