package dmvpn

import (
	"net/netip"
	"slices"
	"sync"
)

// mailbox holds peers that the loop is to be told of. Putting one in waits for
// nobody.
type mailbox struct {
	// wake has something when there may be somebody in it.
	wake  chan struct{}
	mu    sync.Mutex
	peers []netip.Addr
}

func newMailbox() mailbox { return mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) put(peer netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.peers, peer) {
		m.peers = append(m.peers, peer)
	}
	select {
	case m.wake <- struct{}{}:
	default: // it is awake
	}
}

func (m *mailbox) take() []netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	peers := m.peers
	m.peers = nil
	return peers
}
