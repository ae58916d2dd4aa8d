package port

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// maxVLANSession is the last session that is a VLAN (kernel:
// Documentation/networking/cdc_mbim.rst: those from 256 on are streams of other
// services).
const maxVLANSession = 255

// vlans are the sessions of an MBIM modem on USB: session 0 is untagged on the
// network device itself, the session of another number is the VLAN of that number.
type vlans struct{ base *netlink.LinkAttrs }

// newVLANs sets the network device up if there are VLANs: they are no more up than
// it is.
func newVLANs(base string, sessions []int) (vlans, error) {
	link, err := netlink.LinkByName(base)
	if err != nil {
		return vlans{}, fmt.Errorf("find %s: %w", base, err)
	}
	if hasOthers(sessions) {
		if err := netlink.LinkSetUp(link); err != nil {
			return vlans{}, fmt.Errorf("set %s up: %w", base, err)
		}
	}
	return vlans{link.Attrs()}, nil
}

func (vlans) limits() limits { return limits{1, maxVLANSession} }

func (v vlans) list() (map[int]string, error) {
	all, err := linkList()
	present := make(map[int]string)
	for _, link := range all {
		if vlan, ok := link.(*netlink.Vlan); ok && vlan.ParentIndex == v.base.Index {
			present[vlan.VlanId] = vlan.Name
		}
	}
	return present, err
}

func (v vlans) add(session int, name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, v.base.Index
	return netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: session, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
}

func (vlans) remove(_ int, name string) error { return removeLink(name) }

// removeLink removes a device; one that is gone is removed.
func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if errors.As(err, new(netlink.LinkNotFoundError)) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
