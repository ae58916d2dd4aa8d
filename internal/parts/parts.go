// Package parts lists what the firmware is made of, for those who pack it and
// those who start it: the image builder and PID 1 read the same list, so a box
// never asks for a module that its image left out.
package parts

import (
	"slices"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/wan"
)

// Modules returns the names of the kernel modules that the components need,
// whatever the board, in the order in which the router wants them.
func Modules() []string {
	return slices.Concat(firewall.Modules, wan.Modules, xfrm.Modules, dmvpn.Modules)
}
