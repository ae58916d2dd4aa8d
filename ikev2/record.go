package ikev2

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/farspoke/farspoke/ikev2/session"
)

// recordHead begins a record of the checkpoint. Each session has one of its own,
// since one is written before every message that depends on it, and a hub has
// many.
type recordHead struct {
	// Layout is absent from records that every version reads. A version whose
	// records an older one would misread counts it up.
	Layout      int `json:",omitempty"`
	Profile     string
	Fingerprint string
	Guest       bool `json:",omitempty"`
}

// savedSession is a record whose state is read once the head says that it can be.
type savedSession struct {
	recordHead
	State json.RawMessage
}

// record encodes the record of a peer.
func (p *peer) record() (json.RawMessage, error) {
	return json.Marshal(struct {
		recordHead
		State session.State
	}{recordHead{Profile: p.profile.name, Fingerprint: p.profile.fingerprint, Guest: p.guest}, p.session.State()})
}

// layout is the newest that this version reads.
const layout = 0

// recordPrefix begins the names of the Engine's records. No VRF has a colon in
// its name, so that none is another Engine's.
func (e *Engine) recordPrefix() string { return "ikev2-" + e.vrf + ":" }

func (e *Engine) recordName(peer netip.Addr) string { return e.recordPrefix() + peer.String() }

// loadRecords reads all records that can be read.
func (e *Engine) loadRecords() error {
	names, err := e.deps.Checkpoint.Names(e.recordPrefix())
	errs := []error{err}
	for _, name := range names {
		peer, err := netip.ParseAddr(strings.TrimPrefix(name, e.recordPrefix()))
		if err != nil {
			errs = append(errs, fmt.Errorf("record %s is of no peer: %w", name, err))
			continue
		}
		var saved json.RawMessage
		found, err := e.deps.Checkpoint.Load(name, &saved)
		if found {
			e.saved[peer] = saved
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
