package ikev2

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// savedSession is a record of the checkpoint. Each session has one of its own,
// since one is written before every message that depends on it, and a hub has
// many.
type savedSession struct {
	// Layout is absent from records that every version reads. A version whose
	// records an older one would misread counts it up.
	Layout      int `json:",omitempty"`
	Profile     string
	Fingerprint string
	Guest       bool `json:",omitempty"`
	State       json.RawMessage
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
		var saved savedSession
		found, err := e.deps.Checkpoint.Load(name, &saved)
		if found {
			e.saved[peer] = saved
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
