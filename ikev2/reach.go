package ikev2

import (
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
)

// reachTime is how long an uplink may reach no peer before it is reported: one
// attempt to open an IKE SA from either port, and some more.
const reachTime = 30 * time.Second

// reach is what is known of whether the present uplink leads anywhere.
type reach struct {
	// since is when a wanted peer was protected last, or the uplink came up, or it
	// was reported.
	since session.Instant
	// silent says that a peer was lost since, after all that could be tried over
	// this uplink.
	silent bool
}

// judgeUplink reports the uplink if no wanted peer is protected over it: at once
// if one that was has fallen silent, else after reachTime.
func (e *Engine) judgeUplink(now session.Instant) {
	wanted, protected := false, false
	for _, p := range e.peers {
		if len(p.interest) > 0 {
			wanted = true
			protected = protected || p.replaced != nil
		}
	}
	switch {
	case !wanted || protected:
		e.reach = reach{since: now}
	case e.deps.Unreached != nil && (e.reach.silent || now-e.reach.since >= reachTime):
		e.deps.Unreached(e.uplink)
		e.reach = reach{since: now}
	}
}
