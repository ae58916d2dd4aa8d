package xfrm

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Handle is a netlink socket to the XFRM layer of the network namespace it was
// opened in. It is safe for concurrent use. It needs CAP_NET_ADMIN.
type Handle struct{ conn *netlink.Conn }

// Open returns a Handle.
func Open() (*Handle, error) {
	// Strict makes the kernel's own words part of an error.
	conn, err := netlink.Dial(unix.NETLINK_XFRM, &netlink.Config{Strict: true})
	if err != nil {
		return nil, fmt.Errorf("open XFRM netlink (is the module xfrm_user there?): %w", err)
	}
	return &Handle{conn}, nil
}

// Close closes the socket and leaves the kernel's SAs and policies as they are.
func (h *Handle) Close() error { return h.conn.Close() }

// AddSA installs an SA. The error is EEXIST if the kernel has one with the same
// ID. Install the inbound one of a pair first, so that nothing the peer answers
// is lost.
func (h *Handle) AddSA(sa SA) error { return h.putSA("add", msgNewSA, &sa, replay{}) }

// UpdateSA gives a live SA new UDP ports and new limits; counters, keys and
// replay state stay as the kernel has them. The error is ESRCH if there is no
// such SA.
func (h *Handle) UpdateSA(sa SA) error { return h.putSA("update", msgUpdSA, &sa, replay{}) }

func (h *Handle) putSA(verb string, message netlink.HeaderType, sa *SA, r replay) error {
	body, err := sa.marshal(r)
	if err == nil {
		err = h.request(message, body)
	}
	if err != nil {
		return fmt.Errorf("%s SA %s: %w", verb, sa.ID(), err)
	}
	return nil
}

// DeleteSA removes an SA. One that is gone already is no error.
func (h *Handle) DeleteSA(id ID) error {
	err := h.request(msgDelSA, packSAID(id))
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("delete SA %s: %w", id, err)
	}
	return nil
}

// SAs returns the SAs that bear reqID, whoever installed them.
func (h *Handle) SAs(reqID uint32) ([]State, error) {
	messages, err := h.dump(msgGetSA)
	if err != nil {
		return nil, fmt.Errorf("list SAs: %w", err)
	}
	var states []State
	for _, m := range messages {
		s, ours, err := parseState(m.Data)
		if err != nil {
			return nil, fmt.Errorf("list SAs: %w", err)
		}
		if ours && s.ReqID == reqID {
			states = append(states, s)
		}
	}
	return states, nil
}

// sequenceGap is how far a moved outbound SA jumps ahead. It must exceed what
// may be sent between reading the sequence number and removing the SA, because
// a number must never be used twice under one key.
const sequenceGap = 1 << 16

// MoveSA replaces the SA old by sa, which has the same keys and another address
// than before, because the peer or its NAT has moved. (A change of ports alone
// is UpdateSA.) The sequence numbers go on where they were, with a gap on an
// outbound SA, and what was received before cannot be replayed. Packets that
// arrive during the move are lost.
func (h *Handle) MoveSA(old ID, sa SA) error {
	if err := sa.check(); err != nil {
		return fmt.Errorf("move SA %s: %w", old, err)
	}
	states, err := h.SAs(sa.ReqID)
	if err != nil {
		return fmt.Errorf("move SA %s: %w", old, err)
	}
	for _, s := range states {
		if s.ID() != old {
			continue
		}
		if s.ReplayWindow != sa.ReplayWindow {
			return fmt.Errorf("move SA %s: replay window changes from %d to %d", old, s.ReplayWindow, sa.ReplayWindow)
		}
		if err := h.DeleteSA(old); err != nil {
			return err
		}
		next := s.replay
		if sa.In {
			next.out = 0
		} else {
			next.in, next.bitmap = 0, nil
			next.out += sequenceGap
		}
		return h.putSA("move", msgNewSA, &sa, next)
	}
	return fmt.Errorf("move SA %s: %w", old, unix.ESRCH)
}

// PutPolicy installs a policy, or replaces the one with the same selector and
// direction in one step: at no time is there none.
func (h *Handle) PutPolicy(p Policy) error {
	body, err := p.marshal()
	if err == nil {
		err = h.request(msgUpdPolicy, body)
	}
	if err != nil {
		return fmt.Errorf("put policy %s: %w", p, err)
	}
	return nil
}

// DeletePolicy removes a policy that PutPolicy made. One that is gone already is no error.
func (h *Handle) DeletePolicy(p Policy) error {
	err := h.request(msgDelPolicy, pack(policyID{Selector: p.selector(), Dir: uint8(p.Dir)}))
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete policy %s: %w", p, err)
	}
	return nil
}

// Policies returns all IPv4 policies of the kernel's database, not ours alone: a
// policy of another program could defeat ours. Those of sockets are not in it.
func (h *Handle) Policies() ([]Policy, error) {
	messages, err := h.dump(msgGetPolicy)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	var policies []Policy
	for _, m := range messages {
		p, ours, err := parsePolicy(m.Data)
		if err != nil {
			return nil, fmt.Errorf("list policies: %w", err)
		}
		if ours {
			policies = append(policies, p)
		}
	}
	return policies, nil
}

// request sends one message and waits for the kernel's answer.
func (h *Handle) request(message netlink.HeaderType, body []byte) error {
	_, err := h.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: message, Flags: netlink.Request | netlink.Acknowledge},
		Data:   body,
	})
	return err
}

// dump lists all objects. The kernel's walk survives changes beside it, so no
// list has to be repeated.
func (h *Handle) dump(message netlink.HeaderType) ([]netlink.Message, error) {
	return h.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: message, Flags: netlink.Request | netlink.Dump},
	})
}
