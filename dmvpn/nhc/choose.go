package nhc

import "log/slog"

// choose decides which servers to be registered with and which one the static
// routes lead to, and reports whether a server has become wanted.
//
// Of each cluster the best are wanted, as many as it may have. One that is down
// does not count: the next one takes its place. It stays wanted all the same, so
// that it is found when it comes back, and the substitute goes once it has been
// back for the fall-back time.
func (c *Client) choose() (more bool) {
	count := make(map[uint8]int)
	for _, s := range c.order {
		if s.live && s.down && c.now >= s.returns {
			s.down = false
		}
		limit := c.cfg.MaxConnections[s.cfg.Cluster]
		wanted := limit == 0 || count[s.cfg.Cluster] < limit
		if !s.down {
			count[s.cfg.Cluster]++
		}
		switch {
		case wanted && !s.wanted:
			s.wanted, s.phase, more, c.stale = true, Down, true, true
			s.begin(c.uplink.Address, c.now)
		case !wanted && s.wanted:
			c.event(slog.LevelInfo, s, "a better hub is up again, so the registration with this one ends")
			c.leave(s)
			s.wanted, s.phase, s.lastError = false, Waiting, ""
		}
	}
	c.chooseVia()
	return more
}

// chooseVia lets the static routes lead to the best server that is up. While
// none is, they stay: without a better way, moving them helps nobody.
func (c *Client) chooseVia() {
	var best *server
	for _, s := range c.order {
		if s.live && !s.down {
			best = s
			break
		}
		if s.live && best == nil && !c.via.live {
			best = s // it came back only now, and there is no other
		}
	}
	if best == nil || best == c.via {
		return
	}
	c.event(slog.LevelInfo, best, "routes over the tunnel lead to another hub", "before", c.via.title())
	c.via, c.stale = best, true
}
