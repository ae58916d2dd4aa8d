package dmvpn

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// record is what a restarted process must know. Times are since boot: the wall
// clock may jump in between.
type record struct {
	// RequestID is the last one used. It is saved before the packet leaves.
	RequestID uint32 `json:"request-id"`
	// Registrations are by the server's address in the tunnel.
	Registrations map[netip.Addr]registration `json:"registrations"`
}

// registration is one that a server has granted, to whom and until when.
type registration struct {
	// Address is our tunnel address, Claimed the NBMA address we gave for it,
	// and Observed the one that the server saw, invalid if it did not say.
	Address  netip.Addr `json:"address"`
	Claimed  netip.Addr `json:"claimed"`
	Observed netip.Addr `json:"observed,omitzero"`
	// NBMA is the server's.
	NBMA    netip.Addr    `json:"nbma"`
	Refresh time.Duration `json:"refresh"`
	Until   time.Duration `json:"until"`
}

func (t *Tunnel) recordName() string { return "dmvpn-" + t.name }

// restore takes over what an earlier process knew.
func (t *Tunnel) restore() {
	var r record
	if _, err := t.deps.Checkpoint.Load(t.recordName(), &r); err != nil {
		t.log.Warn("cannot read what the last process knew, so the box registers again", "err", err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requestID = max(t.requestID, r.RequestID)
	for _, c := range t.clients {
		reg, ok := r.Registrations[c.server.Address]
		if ok && reg.Address == t.cfg.Address.Addr() && t.sinceBoot() < reg.Until {
			c.registration, c.nbma, c.live = reg, reg.NBMA, true
			t.registered = true
		}
	}
	t.chooseVia()
}

// save writes the record. The caller holds mu.
func (t *Tunnel) save() error {
	r := record{RequestID: t.requestID, Registrations: make(map[netip.Addr]registration)}
	for _, c := range t.clients {
		if t.sinceBoot() < c.registration.Until {
			r.Registrations[c.server.Address] = c.registration
		}
	}
	return t.deps.Checkpoint.Save(t.recordName(), r)
}

// nextRequestID returns an id that was never used, not by an earlier process
// nor before a reboot: servers take an id they have seen for a retransmission.
// The clock, which never goes back, counts faster than we send.
func (t *Tunnel) nextRequestID() (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requestID = max(t.requestID+1, uint32(time.Now().Unix()))
	return t.requestID, t.save()
}

// sinceBoot is the time since the kernel started.
func sinceBoot() time.Duration {
	var now unix.Timespec
	// CLOCK_BOOTTIME exists since Linux 2.6.39: there is nothing to fail.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
