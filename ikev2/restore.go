package ikev2

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// restore takes up the sessions that an earlier process, or an earlier Run, has
// saved, as far as the kernel still has their SAs and the profile is the same.
// All others begin anew.
func (e *Engine) restore() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saved, e.local = make(map[netip.Addr]json.RawMessage), netip.Addr{}
	if err := e.loadRecords(); err != nil {
		e.log.Warn("IKE SAs of the previous process cannot be read and are opened anew", "err", err)
	}
	e.restoreTranslators()
	kernel, err := e.kernelSAs()
	if err != nil {
		return err
	}
	for _, p := range e.peers {
		p.session = p.newSession()
		if len(p.interest) > 0 {
			p.session.Want(e.sinceBoot())
		}
	}
	for addr, saved := range e.saved {
		if err := e.resume(addr, saved, kernel); err != nil {
			e.log.Warn("an IKE SA of the previous process is not taken over", "peer", addr, "why", err)
			delete(e.saved, addr)
		}
	}
	for _, p := range e.peers {
		if _, resumed := e.saved[p.addr]; !resumed {
			p.drop()
		}
		e.measure(p.profile)
	}
	select {
	case <-e.restored:
	default:
		close(e.restored)
	}
	e.changed()
	return nil
}

// resume takes up one session.
func (e *Engine) resume(addr netip.Addr, record json.RawMessage, kernel map[xfrm.ID]xfrm.State) error {
	var saved savedSession
	if err := json.Unmarshal(record, &saved); err != nil {
		return fmt.Errorf("read its record: %w", err)
	}
	if saved.Layout > layout {
		return errors.New("a newer version saved it, in a way that this one cannot read")
	}
	profile, ok := e.profiles[saved.Profile]
	if !ok {
		return fmt.Errorf("the profile %s is gone", saved.Profile)
	}
	if profile.fingerprint != saved.Fingerprint {
		return fmt.Errorf("the profile %s has changed", saved.Profile)
	}
	var state session.State
	if err := json.Unmarshal(saved.State, &state); err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	p := e.peers[addr]
	guest := saved.Guest && (p == nil || p.guest || len(p.interest) == 0)
	restored := session.Restore(profile.sessionConfig(guest), state, rand.Reader)
	for _, sa := range restored.InstalledSAs() {
		if _, ok := kernel[kernelID(sa)]; !ok {
			return fmt.Errorf("the kernel has lost the SA %s", kernelID(sa))
		}
	}
	if p == nil {
		p = e.newPeer(profile, addr)
	}
	p.profile, p.guest, p.session = profile, guest, restored
	// Nothing is sent before the uplink is known to have the same address.
	p.apply(restored.Uplink(e.sinceBoot(), netip.Addr{}))
	if state.Protected && p.replaced == nil {
		p.keep()
		p.log.Info("took over the IKE SA of the previous process", "milestone", "ike")
	}
	return nil
}

// rewind takes up a session from its last saved state.
func (e *Engine) rewind(p *peer) {
	kernel, err := e.kernelSAs()
	if record, kept := e.saved[p.addr]; !kept {
		err = cmp.Or(err, errors.New("nothing of it was kept"))
	} else if err == nil {
		err = e.resume(p.addr, record, kernel)
	}
	if err != nil {
		p.log.Warn("the IKE SA is opened anew", "why", err)
		p.drop()
		p.session = p.newSession()
		if len(p.interest) > 0 {
			p.apply(p.session.Want(e.sinceBoot()))
		}
	}
	p.apply(p.session.Uplink(e.sinceBoot(), e.local))
	known := e.known()
	for id, s := range kernel {
		if ours := s.Src == p.addr || s.Dst == p.addr; ours && !known[id] {
			p.deleteSA(id) // installed when the bug was met
		}
	}
}

// kernelSAs returns our SAs by their names.
func (e *Engine) kernelSAs() (map[xfrm.ID]xfrm.State, error) {
	states, err := e.deps.Kernel.SAs(ReqID)
	if err != nil {
		return nil, fmt.Errorf("take stock of SAs: %w", err)
	}
	all := make(map[xfrm.ID]xfrm.State)
	for _, s := range states {
		all[s.ID()] = s
	}
	return all, nil
}

// known returns the SAs that the sessions believe in.
func (e *Engine) known() map[xfrm.ID]bool {
	all := make(map[xfrm.ID]bool)
	for _, p := range e.peers {
		for _, sa := range p.session.InstalledSAs() {
			all[kernelID(sa)] = true
		}
	}
	return all
}

// sweep removes SAs from and to our address that no session knows.
func (e *Engine) sweep(local netip.Addr) error {
	states, err := e.kernelSAs()
	if err != nil {
		return err
	}
	known := e.known()
	for _, id := range slices.SortedFunc(maps.Keys(states), func(a, b xfrm.ID) int { return int(int64(a.SPI) - int64(b.SPI)) }) {
		sa := states[id]
		if known[id] || sa.Src != local && sa.Dst != local {
			continue
		}
		e.log.Info("removing an SA that is left over", "sa", id)
		if err := e.deps.Kernel.DeleteSA(id); err != nil {
			return fmt.Errorf("remove left-over SA: %w", err)
		}
	}
	return nil
}

// save keeps the state of a session. Nothing that depends on it may leave the
// box before.
func (e *Engine) save(p *peer) error {
	if _, known := e.saved[p.addr]; !known && p.session.Fleeting() {
		return nil
	}
	record, err := p.record()
	if err != nil {
		return fmt.Errorf("save IKE SA with %s: %w", p.addr, err)
	}
	if bytes.Equal(e.saved[p.addr], record) {
		return nil
	}
	if err := e.deps.Checkpoint.Save(e.recordName(p.addr), record); err != nil {
		return fmt.Errorf("save IKE SA with %s: %w", p.addr, err)
	}
	e.saved[p.addr] = record
	return nil
}

// forget removes a peer from the checkpoint.
func (e *Engine) forget(addr netip.Addr) {
	if _, saved := e.saved[addr]; !saved {
		return
	}
	delete(e.saved, addr)
	if err := e.deps.Checkpoint.Remove(e.recordName(addr)); err != nil {
		e.log.Error("the checkpoint of the IKE SAs is out of date", "err", err)
	}
}
