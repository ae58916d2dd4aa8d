// Package handshake counts how many handshakes an IKEv2 responder finishes on
// one core, ours or strongSwan's charon, under the same load: spokes with
// addresses of their own that come up one after the other, a fixed number of
// them at a time, by IKE_SA_INIT and IKE_AUTH (RFC 7296 section 1.2) with a
// pre-shared key and a first child SA for GRE in transport mode. It is what a
// hub lives through when it has lost power and all its branches return.
//
// The responder has a processor of its own, and so have the spokes. What counts
// is the responder's processor time for each handshake, which other work on the
// machine hardly changes; the time on the clock is told beside it.
//
// Both responders ask the kernel of this machine to install the SAs. Where it
// has no ESP it refuses, after as much work: charon then answers
// NO_PROPOSAL_CHOSEN for the child SA within the same IKE_AUTH exchange, and the
// IKE SA stays up; ours is told that it went well, and so has the more to do.
package handshake

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/lab/sandbox"
)

// Addresses of the two machines. Each spoke has one of the spokes' addresses.
var (
	responderAddress = netip.MustParsePrefix("198.18.0.1/24")
	spokesAddress    = netip.MustParsePrefix("198.18.0.2/24")
	spokes           = netip.MustParsePrefix("198.19.0.0/16")
)

const bridge = "ike"

// psk is what charon/etc/swanctl/swanctl.conf has.
const psk = "correct horse battery staple 17"

// Network is the responder's machine and the spokes'.
type Network struct{ responder, spokes *sandbox.Namespace }

// NewNetwork builds it. It must run inside the sandbox.
func NewNetwork() (*Network, error) {
	if err := sandbox.AddBridge(bridge); err != nil {
		return nil, err
	}
	n := new(Network)
	var err error
	if n.responder, err = sandbox.NewNamespace("responder"); err != nil {
		return nil, err
	}
	if n.spokes, err = sandbox.NewNamespace("spokes"); err != nil {
		return nil, err
	}
	err = errors.Join(
		n.responder.Attach(bridge, "eth0", responderAddress),
		n.responder.DefaultRoute(spokesAddress.Addr()),
		n.spokes.Attach(bridge, "eth0", spokesAddress),
		ownAll(n.spokes, spokes),
	)
	return n, err
}

// ownAll makes every address of a network the namespace's own.
func ownAll(ns *sandbox.Namespace, network netip.Prefix) error {
	loopback, err := ns.LinkByName("lo")
	if err != nil {
		return err
	}
	dst, err := netlink.ParseIPNet(network.String())
	if err != nil {
		return err
	}
	err = ns.RouteAdd(&netlink.Route{
		Dst: dst, LinkIndex: loopback.Attrs().Index, Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, Table: unix.RT_TABLE_LOCAL,
	})
	if err != nil {
		return fmt.Errorf("own %s in %s: %w", network, ns, err)
	}
	return nil
}

// Result is what one round showed.
type Result struct {
	Handshakes int
	// CPU is the responder's processor time, Elapsed the time on the clock.
	CPU, Elapsed time.Duration
	// Retransmissions of the spokes show a responder that lost messages.
	Retransmissions uint64
}

// PerCPUSecond returns the handshakes in a second of processor time.
func (r Result) PerCPUSecond() float64 { return float64(r.Handshakes) / r.CPU.Seconds() }

// PerSecond returns the handshakes in a second on the clock.
func (r Result) PerSecond() float64 { return float64(r.Handshakes) / r.Elapsed.Seconds() }

// Round starts a responder, lets count spokes come up, a number of them at a
// time, and ends it.
func (n *Network) Round(ctx context.Context, r Responder, count, atATime int) (Result, error) {
	cpus, err := processors()
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	process, err := r.start(ctx, n.responder, cpus[0])
	if err != nil {
		return Result{}, fmt.Errorf("start %s: %w", r.Name, err)
	}
	defer process.end()
	release, err := pin(cpus[len(cpus)-1])
	if err != nil {
		return Result{}, err
	}
	defer release()
	load, err := newLoad(n.spokes, r.Proposal, count, atATime)
	if err != nil {
		return Result{}, err
	}
	before, err := cpuTime(process.Pid)
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	if err := load.run(ctx); err != nil {
		return Result{}, fmt.Errorf("load %s: %w", r.Name, err)
	}
	result := Result{Handshakes: count, Elapsed: time.Since(begin), Retransmissions: load.retransmissions}
	after, err := cpuTime(process.Pid)
	result.CPU = after - before
	return result, err
}

// tick is the unit of /proc/PID/stat, USER_HZ, the same on all architectures
// that Go knows.
const tick = 10 * time.Millisecond

// cpuTime returns the processor time that a process has used.
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	// The name of the program, in brackets, may hold anything.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read processor time: %q", data)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}
