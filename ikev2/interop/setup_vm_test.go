//go:build vm

package interop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2"
)

// setups is how often each side sets SAs up in a turn, and turns how many turns
// each has. The bench asks for more.
var (
	setups = flag.Int("setups", 5, "how often SAs are set up in a turn")
	turns  = flag.Int("turns", 1, "how many turns each initiator has")
)

// setup is what it took to get SAs where there were none: how many messages the
// initiator sent, each of which was answered, and its processor time.
type setup struct {
	trips int
	cpu   time.Duration
}

// setupProposals have one group, so that the first guess is right.
var setupProposals = proposals{
	ours:       ikev2.Profile{IKE: []string{"aes256-sha256-ecp256"}, ESP: []string{"aes256-sha256"}},
	strongSwan: words{"aes256-sha256-ecp256", "aes256-sha256"},
}

// TestSetup sets SAs up with strongSwan, as our engine and as another strongSwan,
// by turns and from the same place, and prints a line for each time.
func TestSetup(t *testing.T) {
	n := newNetwork(t, noNAT)
	must(t, copyRoot("responder", strongSwanRoot))
	c := settings{proposals: setupProposals, dpd: 3600, quiet: true}
	responder := newStrongSwanFrom(t, "responder", n.router, routerPeer.Addr(), c)
	responder.start()
	c.role, c.spoke = initiator, routerPeer.Addr()
	for range *turns {
		t.Run("ours", func(t *testing.T) { setUpOurs(t, n) })
		t.Run("strongSwan", func(t *testing.T) {
			charon := newStrongSwan(t, n.peer, c).(*strongSwan)
			charon.start()
			for range *setups {
				took(t, n, "strongSwan", charon.cmd.Process.Pid, func() { charon.swanctl("--initiate", "--child", "gre", "--loglevel", "-1") })
				charon.swanctl("--terminate", "--ike", "dmvpn")
			}
			charon.stop()
		})
	}
}

// setUpOurs lets our engine set SAs up again and again.
func setUpOurs(t *testing.T, n *network) {
	b := newBranch(t, n, setupProposals.ours)
	b.deps.Log = slog.New(slog.DiscardHandler)
	b.start()
	least := math.MaxInt // a slow machine makes us repeat messages now and then
	for range *setups {
		ctx, cancel := context.WithCancel(t.Context())
		s := took(t, n, "ours", os.Getpid(), func() {
			_, err := b.profile.Protect(ctx, routerPeer.Addr(), nil)
			must(t, err)
		})
		least = min(least, s.trips)
		cancel()
		polls := 0
		eventually(t, "the end of the SAs", func() bool {
			if polls%25 == 0 { // and again, if the engine heard of the end later
				b.clock.ahead.Add(int64(longUnwanted))
			}
			polls++
			return len(b.engine.Status().Peers) == 0
		})
	}
	b.stop()
	if least != 2 {
		t.Errorf("%d round trips, want those of IKE_SA_INIT and IKE_AUTH", least)
	}
}

// settleTime is for how long an initiator's processor time still counts after the
// SAs are there.
const settleTime = 100 * time.Millisecond

// longUnwanted is after which our engine closes a peer that nobody wants.
const longUnwanted = 3 * time.Minute

// took prints what it takes the process to set SAs up from the peer's place.
func took(t *testing.T, n *network, initiator string, pid int, up func()) setup {
	t.Helper()
	sent := datagrams(t, n.peer) // our own process pays for the count
	used := cpuTime(t, pid)
	up()
	<-time.After(settleTime)
	used = cpuTime(t, pid) - used
	s := setup{trips: datagrams(t, n.peer) - sent, cpu: used}
	fmt.Printf("setup %s %d %d\n", initiator, s.trips, s.cpu.Nanoseconds())
	return s
}

// datagrams counts those of UDP that were sent from a namespace in which only IKE
// sends any.
func datagrams(t *testing.T, at namespace) (sent int) {
	t.Helper()
	var text []byte
	must(t, at.do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	}))
	for line := range strings.Lines(string(text)) {
		// InDatagrams NoPorts InErrors OutDatagrams; the names have a line as well.
		if _, err := fmt.Sscanf(line, "Udp: %d %d %d %d", new(int), new(int), new(int), &sent); err == nil {
			return sent
		}
	}
	t.Fatalf("no count of UDP datagrams in %s", text)
	return 0
}

// cpuTime returns the processor time that a process has used, by its clock
// (clock_getcpuclockid(3)).
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	const scheduler = 2 // CPUCLOCK_SCHED of linux/posix-timers.h
	var used unix.Timespec
	must(t, unix.ClockGettime(int32(^pid<<3|scheduler), &used))
	return time.Duration(used.Nano())
}

// copyRoot makes a root file system that has all of another but what is written
// there: two daemons in one would write the same files.
func copyRoot(to, from string) error {
	to, from = filepath.Join(roots, to), filepath.Join(roots, from)
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		link, err := os.Readlink(source)
		switch {
		case entry.Name() == "etc" || entry.Name() == "run":
			continue
		case err == nil:
			err = os.Symlink(link, target)
		case entry.IsDir():
			err = errors.Join(os.Mkdir(target, 0o755), unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""))
		default:
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
