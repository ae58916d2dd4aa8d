package sandbox

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// AddBridge creates a bridge, one network segment of the lab.
func AddBridge(name string) error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	if err := errors.Join(netlink.LinkAdd(bridge), netlink.LinkSetUp(bridge)); err != nil {
		return fmt.Errorf("create bridge %s: %w", name, err)
	}
	return nil
}

// AddTap creates a tap device for a virtual machine's network card on a bridge.
func AddTap(name, bridge string) error {
	tap := &netlink.Tuntap{
		LinkAttrs: netlink.LinkAttrs{Name: name},
		Mode:      netlink.TUNTAP_MODE_TAP,
		Flags:     netlink.TUNTAP_NO_PI | netlink.TUNTAP_VNET_HDR,
	}
	if err := errors.Join(netlink.LinkAdd(tap), attach(bridge, name)); err != nil {
		return fmt.Errorf("create tap %s on bridge %s: %w", name, bridge, err)
	}
	return nil
}

// attach puts an interface on a bridge and sets it up.
func attach(bridge, name string) error {
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetMaster(link, master), netlink.LinkSetUp(link))
}
