package ikev2

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// checkInterval is how often the kernel's policies are compared with what the
// Engine put there. The SAs are compared whenever their counters are read.
const checkInterval = 30 * time.Second

// Drift is how the kernel's databases came to differ from what the Engine put
// there, because of another program, an operator, or a bug.
type Drift struct {
	// Mended counts what was missing or changed and was put right, and Last says
	// what it was.
	Mended uint64 `json:"mended,omitempty"`
	Last   string `json:"last,omitempty"`
	// Foreign are the policies of others that let GRE pass by our SAs now.
	Foreign []string `json:"foreign,omitempty"`
	// Blind says why the databases could not be read, empty if they could.
	Blind string `json:"blind,omitempty"`
}

// keepChecking compares now and then.
func (e *Engine) keepChecking(ctx context.Context) error {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.mu.Lock()
			e.check()
			e.mu.Unlock()
		case <-ctx.Done():
			return nil
		}
	}
}

// check reads the databases back, and puts right what differs.
func (e *Engine) check() {
	policies, err := e.deps.Kernel.Policies()
	if err == nil {
		e.checkPolicies(policies)
		var states map[xfrm.ID]xfrm.State
		if states, err = e.kernelSAs(); err == nil {
			e.checkSAs(states)
		}
	}
	blind := ""
	if err != nil {
		blind = err.Error()
	}
	if blind != "" && blind != e.drift.Blind {
		e.log.Warn("the kernel's IPsec databases cannot be compared with what they should hold", "err", err)
	}
	e.drift.Blind = blind
}

// mended notes something that was put right.
func (e *Engine) mended(format string, args ...any) {
	e.drift.Mended++
	e.drift.Last = fmt.Sprintf(format, args...)
	e.log.Warn("somebody changed IPsec in the kernel: " + e.drift.Last)
}

// checkPolicies puts back what keeps GRE from leaving in clear, and looks for
// policies of others that undo it.
func (e *Engine) checkPolicies(policies []xfrm.Policy) {
	own := xfrm.FailClosed(ReqID)
	for _, p := range own {
		if slices.Contains(policies, p) {
			continue
		}
		if err := e.deps.Kernel.PutPolicy(p); err != nil {
			e.log.Error("a policy that protects GRE is missing and cannot be put back: GRE may leave in clear", "policy", p, "err", err)
			continue
		}
		e.mended("the policy %s was missing or changed, and is back", p)
	}
	var foreign []string
	for _, p := range policies {
		if !slices.Contains(own, p) && p.Precedes(own[0]) {
			foreign = append(foreign, p.String())
		}
	}
	slices.Sort(foreign)
	for _, p := range foreign {
		if !slices.Contains(e.drift.Foreign, p) {
			e.log.Error("a policy that is not ours lets GRE pass by our SAs, in clear perhaps; remove it", "policy", p)
		}
	}
	e.drift.Foreign = foreign
}

// checkSAs finds SAs that are gone or not as they were made, and those of our
// peers that nobody knows, and notes which peers have had traffic.
func (e *Engine) checkSAs(states map[xfrm.ID]xfrm.State) {
	now := e.sinceBoot()
	e.checkUnknown(states)
	for _, p := range e.peers {
		var carried uint64
		missing := make(map[uint32]bool)
		for _, sa := range p.session.InstalledSAs() {
			want := kernelSA(sa)
			have, there := states[want.ID()]
			carried += have.Packets
			switch {
			case there && same(have.SA, want):
				continue
			case there && e.restate(have.SA, want):
				e.mended("the SA %s with %s had other ports or limits, and has its own again", want.ID(), p.addr)
				continue
			case there:
				p.deleteSA(want.ID())
			}
			missing[sa.SPI] = true
			if !p.missing[sa.SPI] {
				e.mended("the SA %s with %s was removed or replaced; another is agreed on", want.ID(), p.addr)
			}
			p.apply(p.session.SALost(now, sa.SPI))
		}
		p.missing = missing
		if carried != p.carried {
			p.carried, p.carriedAt = carried, now
		}
	}
}

// checkUnknown removes SAs from and to our peers that no session knows.
func (e *Engine) checkUnknown(states map[xfrm.ID]xfrm.State) {
	known := e.known()
	for id, s := range states {
		remote := s.Src
		if s.Src == e.local {
			remote = s.Dst
		} else if s.Dst != e.local {
			continue // of another underlay
		}
		if p, ours := e.peers[remote]; ours && !known[id] {
			p.deleteSA(id)
			e.mended("the SA %s with %s was none of ours, and is removed", id, remote)
		}
	}
}

// restate gives an SA back what can be changed while it lives, if that is all
// that differs.
func (e *Engine) restate(have, want xfrm.SA) bool {
	have.Encap = want.Encap
	have.SoftPackets, have.HardPackets = want.SoftPackets, want.HardPackets
	have.SoftBytes, have.HardBytes = want.SoftBytes, want.HardBytes
	return same(have, want) && e.deps.Kernel.UpdateSA(want) == nil
}

// same compares an SA of the kernel with how it was made.
func same(have, want xfrm.SA) bool {
	return have.Src == want.Src && have.ESN == want.ESN && have.ReplayWindow == want.ReplayWindow &&
		(have.Encap == nil) == (want.Encap == nil) && (want.Encap == nil || *have.Encap == *want.Encap) &&
		have.SoftPackets == want.SoftPackets && have.HardPackets == want.HardPackets &&
		have.SoftBytes == want.SoftBytes && have.HardBytes == want.HardBytes &&
		sameKey(have.AEAD, want.AEAD) && sameKey(have.Crypt, want.Crypt) && sameKey(have.Auth, want.Auth)
}

// sameKey compares algorithms with their keys, as far as the kernel shows those.
func sameKey(have, want *xfrm.Algorithm) bool {
	if have == nil || want == nil {
		return have == want
	}
	return have.Name == want.Name && len(have.Key) == len(want.Key) && (withheld(have.Key) || bytes.Equal(have.Key, want.Key))
}

// withheld says that a kernel shows no key, as one that is locked down for
// confidentiality: it shows zeros, which nobody agrees on. An SA that somebody replaced
// by one with another key is then noticed by its traffic alone, which nobody answers.
func withheld(key []byte) bool {
	return !slices.ContainsFunc(key, func(octet byte) bool { return octet != 0 })
}
