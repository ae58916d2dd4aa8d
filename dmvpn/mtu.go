package dmvpn

import "context"

// followMTU keeps the device's MTU at what fits into the protection over the
// present uplink, and at no more than configured. What is forwarded into the
// tunnel learns of it by the route: the kernel's ICMP errors and the firewall's
// bound on TCP segments follow the device.
func (t *Tunnel) followMTU(ctx context.Context) error {
	fitting := t.deps.Protector.MTU()
	for current := 0; ; {
		room, changed := fitting.Load()
		if mtu := t.mtu(room); room > 0 && mtu != current {
			if err := t.deps.Kernel.SetMTU(t.index, mtu); err != nil {
				return err
			}
			if current != 0 || mtu != t.cfg.MTU {
				t.log.Info("MTU of the tunnel follows the uplink", "mtu", mtu, "configured", t.cfg.MTU)
			}
			current = mtu
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// mtu returns the device's MTU for packets of the given size at most. Below what
// the protocol demands of a link the kernel would take its addresses away; then
// GRE is fragmented.
func (t *Tunnel) mtu(room int) int {
	return max(min(room, t.cfg.MTU), t.cfg.minMTU())
}
