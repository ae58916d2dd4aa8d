package dmvpn

import (
	"net/netip"
	"sync"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// answer is what came back for a request: the packet, and what is wrong with
// its authentication.
type answer struct {
	packet *nhrp.Packet
	err    error
}

// exchanges brings answers to those who sent the requests, by request id. The
// zero value is ready. It is safe for concurrent use.
type exchanges struct {
	mu   sync.Mutex
	open map[uint32]exchange
}

type exchange struct {
	peer    netip.Addr
	answers chan answer
}

// begin announces a request that is about to be sent to the peer at an NBMA
// address, and returns where its answers appear. Only that peer may answer.
func (x *exchanges) begin(id uint32, peer netip.Addr) <-chan answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open == nil {
		x.open = make(map[uint32]exchange)
	}
	// One place is enough: a second answer before the first is read repeats it.
	answers := make(chan answer, 1)
	x.open[id] = exchange{peer, answers}
	return answers
}

// end forgets a request. Answers that come later are unexpected.
func (x *exchanges) end(id uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, id)
}

// deliver hands an answer to the one who waits for it, and reports whether
// there is one.
func (x *exchanges) deliver(id uint32, from netip.Addr, a answer) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.open[id]
	if !ok || e.peer != from {
		return false
	}
	select {
	case e.answers <- a:
	default:
	}
	return true
}
