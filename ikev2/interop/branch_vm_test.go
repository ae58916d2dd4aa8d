//go:build vm

package interop

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// branch is the engine a second time, at the other end of the wires: a spoke that
// others may call.
type branch struct {
	t       *testing.T
	cfg     ikev2.Config
	deps    ikev2.Deps
	kernel  *rationed
	clock   *clock
	engine  *ikev2.Engine
	profile *ikev2.Protector
	end     []func()
}

// ration is a soft limit that a test can wait for, in packets.
const ration = 40

// rationed is the kernel, which on demand gives an SA no more than the ration,
// and keeps that to itself.
type rationed struct {
	*xfrm.Handle
	on    atomic.Bool
	asked atomic.Uint64
}

func (r *rationed) AddSA(sa xfrm.SA) error {
	r.asked.Store(sa.SoftPackets)
	if r.on.Load() {
		sa.SoftPackets = ration
	}
	return r.Handle.AddSA(sa)
}

func (r *rationed) SAs(reqID uint32) ([]xfrm.State, error) {
	states, err := r.Handle.SAs(reqID)
	for i := range states {
		if states[i].SoftPackets == ration {
			states[i].SoftPackets = r.asked.Load()
		}
	}
	return states, err
}

// newBranch returns a branch that is not started yet.
func newBranch(t *testing.T, n *network, profile ikev2.Profile) *branch {
	t.Helper()
	profile.Local.PSK = secret.New("psk", psk)
	profile.Remote.ID = "any"
	b := &branch{t: t, cfg: ikev2.Config{"tenant": profile}, kernel: new(rationed), clock: new(clock)}
	var monitor *xfrm.Monitor
	var socket *udp.Conn
	must(t, n.peer.do(func() (err error) {
		if b.kernel.Handle, err = xfrm.Open(); err != nil {
			return err
		}
		if monitor, err = xfrm.Listen(); err != nil {
			return err
		}
		socket, err = udp.Open("", nil, nil)
		return err
	}))
	t.Cleanup(func() { must(t, errors.Join(socket.Close(), monitor.Close(), b.kernel.Close())) })
	state, err := checkpoint.Open(t.TempDir())
	must(t, err)
	wan := new(value.Value[uplink.State])
	wan.Set(uplink.State{Name: "wan", Up: true, Address: peerWAN, MTU: 1500})
	b.deps = ikev2.Deps{
		Kernel: b.kernel, Monitor: monitor, Uplink: wan, Checkpoint: state, Clock: b.clock.now,
		Listen: func() (ikev2.Socket, error) { return socket, nil },
		Log:    slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", "branch"),
	}
	return b
}

// start starts a process: a new engine on what the last one left.
func (b *branch) start() {
	b.t.Helper()
	var err error
	b.engine, err = ikev2.New("", b.cfg, b.deps)
	must(b.t, err)
	b.profile, err = b.engine.Profile("tenant")
	must(b.t, err)
	b.end = []func(){background(b.t, "the branch's engine", b.engine.Run), background(b.t, "the branch's admission", admission(b.profile))}
}

// stop ends the process.
func (b *branch) stop() {
	for _, end := range b.end {
		end()
	}
}

// guest returns what the branch's engine says of us, once we are protected there.
func (b *branch) guest() (guest ikev2.PeerStatus) {
	b.t.Helper()
	eventually(b.t, "protection at the branch", func() bool {
		peers := b.engine.Status().Peers
		if len(peers) == 1 {
			guest = peers[0]
		}
		return guest.Protected && len(guest.Children) > 0
	})
	return guest
}
