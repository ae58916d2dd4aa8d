package button

import "time"

// press is what is known of the key. The zero press is a key that is up, or whose
// being down does not count.
type press struct {
	down bool
	// since is when it went down, by the kernel's clock: how late we hear of it is of
	// no account.
	since time.Duration
}

// handle takes the next event and says whether it was the end of a press that means
// a reset.
func (p *press) handle(e Event, code uint16) (reset bool) {
	switch {
	case e.Type == evSyn && e.Code == synDropped:
		*p = press{} // the key may have been up since
	case e.Type != evKey || e.Code != code:
	case e.Value == keyDown:
		*p = press{down: true, since: e.Time}
	case e.Value == keyUp:
		held := e.Time - p.since
		reset = p.down && Hold <= held && held < Limit
		*p = press{}
	}
	return reset
}
