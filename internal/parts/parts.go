// Package parts lists what the firmware is made of, for those who pack it and
// those who start it: the image builder and PID 1 read the same list, so a box
// never asks for a module that its image left out.
package parts

import (
	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/wan"
)

// Modules returns the names of the kernel modules that the components need,
// whatever the board: a list a component. The order within a list matters, the
// lists can be loaded side by side.
func Modules() [][]string {
	return [][]string{firewall.Modules, wan.Modules, ikev2.Modules, dmvpn.Modules, breakout.Modules}
}

// LateModules returns the names of those that nothing needs before the router has
// started.
func LateModules() []string { return cellular.Modules }

// Drivers returns the names of the drivers of devices that are no board's own and
// may be plugged in anywhere. They load by themselves when a device appears.
func Drivers() []string { return cellular.Drivers }

// Accelerators returns the names of modules that do the same faster where the
// processor can. They load by themselves, as Drivers do.
func Accelerators() []string { return xfrm.CPUModules }
