package dmvpn

import "fmt"

// apply makes the device's neighbours and routes what the clients' state asks
// for.
func (t *Tunnel) apply() error {
	t.applying.Lock()
	defer t.applying.Unlock()
	neighbours, routes := t.wanted()
	if err := t.deps.Kernel.SetNeighbours(t.index, neighbours); err != nil {
		return fmt.Errorf("set neighbours of %s: %w", t.name, err)
	}
	if err := t.deps.Kernel.SetRoutes(t.index, t.cfg.VRF, routes); err != nil {
		return fmt.Errorf("set routes over %s: %w", t.name, err)
	}
	return nil
}

// wanted returns the neighbours and routes that the tunnel should have now.
func (t *Tunnel) wanted() (neighbours []Neighbour, routes []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.chooseVia()
	for _, c := range t.clients {
		if c.nbma.IsValid() {
			neighbours = append(neighbours, Neighbour{Address: c.server.Address, NBMA: c.nbma})
		}
	}
	for _, prefix := range t.cfg.Routes {
		routes = append(routes, Route{Prefix: prefix, Via: t.via.server.Address})
	}
	return neighbours, routes
}

// chooseVia lets the static routes lead to the first server that is up. While
// none is, they stay: without a better way, moving them helps nobody. The
// caller holds mu.
func (t *Tunnel) chooseVia() {
	for _, c := range t.clients {
		if !c.live {
			continue
		}
		if t.via != c {
			t.log.Info("routes over the tunnel lead to another hub", "hub", c.server.Address, "before", t.via.server.Address)
			t.via = c
		}
		return
	}
}
