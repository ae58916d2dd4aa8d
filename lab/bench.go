package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// rounds is how often each spoke is booted; the median counts.
	rounds = 5
	// startLimit bounds one boot.
	startLimit = 5 * time.Minute
)

const mebibyte = 1 << 20

// bench measures all figures, or the one named, prints them and records them.
func bench(ctx context.Context, id string) error {
	built, err := loadImages()
	if err != nil {
		return err
	}
	measurements := []struct {
		ids     []string
		measure func(context.Context, images) ([]Figure, error)
	}{
		{[]string{"image-size", "binary-size"}, sizes},
		{[]string{"boot-to-ping", "control-memory"}, starts},
		{[]string{"power-on-to-ping"}, powerOn},
		{[]string{"fit-size"}, fitSize},
		{[]string{"build-time"}, buildTime},
		{[]string{"fault-recovery"}, faultRecovery(id)},
		{[]string{"rekey-loss"}, rekeyLoss},
		{[]string{"shortcut-setup", "shortcut-loss"}, meetings},
		{[]string{"shortcut-cost"}, shortcutCost},
		{[]string{"ike-handshakes"}, handshakes},
		{[]string{"sa-setup"}, setup},
		{[]string{"esp-throughput"}, throughput},
		{[]string{"zone-dispatch"}, zoneDispatch},
		{[]string{"dia-cost"}, directCost},
		{[]string{"tunnel-cost"}, tunnelCost},
		{[]string{"commit-time"}, commitTime},
		{[]string{"modem-up"}, modemUp},
		{[]string{"modem-idle"}, modemIdle},
	}
	table, row, _ := strings.Cut(id, "/")
	var figures []Figure
	for _, m := range measurements {
		if id != "" && !slices.Contains(m.ids, table) {
			continue
		}
		measured, err := m.measure(ctx, built)
		if err != nil {
			return err
		}
		for _, figure := range measured {
			if row == "" || figure.ID == id { // what was measured with it is there anyway
				fmt.Println(figure)
				figures = append(figures, figure)
			}
		}
	}
	if len(figures) == 0 {
		return fmt.Errorf("there is no figure %q", id)
	}
	if row != "" {
		return nil // a table is recorded whole
	}
	return record(figures, built)
}

// sizes compares the files.
func sizes(_ context.Context, built images) ([]Figure, error) {
	var peer int64
	for _, file := range []string{built.Release.Kernel, built.Peer.Initramfs} {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		peer += info.Size()
	}
	return []Figure{
		{
			ID: "image-size", Ours: float64(built.Box.Size) / mebibyte, Unit: "MiB", Target: 32,
			Method: fmt.Sprintf("Kernel and initramfs as they lie on a disk, compressed, with the toolbox for people who look into a box; %.1f MiB without it. The peer of the other figures, which is less than a box (no configuration, no firewall, no FVRF, no supervision), takes %.1f MiB with the same kernel.",
				float64(built.Release.Size)/mebibyte, float64(peer)/mebibyte),
		},
		{
			ID: "binary-size", Ours: float64(built.Release.BinarySize) / mebibyte, Unit: "MiB", Target: 16,
			Method: "Our one program for arm64, stripped, before compression.",
		},
	}, nil
}

// starts boots our box and the peer by turns in one lab and measures each
// start; the memory is measured once each is up.
func starts(ctx context.Context, built images) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := lab.WaitHub(ctx, 0); err != nil {
		return nil, err
	}
	spokes := []kind{box(built.Release, ordinarySite()), peer(built)}
	var times [2][]float64 // in seconds, ours and the peer's
	for round := range rounds {
		for i, kind := range spokes {
			seconds, err := lab.measureStart(ctx, kind, nil)
			if err != nil {
				return nil, fmt.Errorf("start the %s, round %d: %w", kind.name, round+1, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %s %.2f s\n", round+1, kind.name, seconds)
			times[i] = append(times[i], seconds)
		}
	}
	ours, err := lab.measureMemory(ctx, testedBox(built, built.Release, ordinarySite()), boxProcesses)
	if err != nil {
		return nil, err
	}
	peers, err := lab.measureMemory(ctx, peer(built), peerProcesses)
	if err != nil {
		return nil, err
	}
	return []Figure{
		{
			ID: "boot-to-ping", Ours: median(times[0]), Peer: median(times[1]), Unit: "s", Target: 0.4,
			Method: fmt.Sprintf("From the kernel's first instruction to the first answer that a host in the branch gets from headquarters through ESP (it asks every %v); median of %d starts each, by turns, in one lab with one hub. Same kernel, same machine (2 processors, 512 MiB), same ciphers, DHCP and NAT before both, and the kernel's self-tests of its ciphers left out of both. The peer is Debian's strongSwan and FRR with busybox as DHCP client, started by a shell script of a page: no systemd, no other daemon.",
				pingInterval, rounds),
		},
		{
			ID: "control-memory", Ours: ours / mebibyte, Peer: peers / mebibyte, Unit: "MiB", Target: 0.5,
			Method: "Proportional resident memory (Pss of /proc/PID/smaps_rollup) of the control plane, half a minute after the first protected ping: ours PID 1 and the router process, whose program the console's session shares; the peer's charon, zebra, staticd and nhrpd, to which its DHCP client and its shell are not added.",
		},
	}, nil
}

// measureStart boots a spoke and returns the seconds to its first protected
// ping. Then look, if not nil, looks at the spoke that is up.
func (l *Lab) measureStart(ctx context.Context, kind kind, look func(*Spoke) error) (float64, error) {
	if err := errors.Join(l.ForgetSpoke(ctx), l.FlushNAT()); err != nil {
		return 0, err
	}
	spoke, err := l.Boot(ctx, kind)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer cancel()
	_, at, err := spoke.Ping.Answer(ctx, 0)
	if err == nil {
		err = spoke.Protected(ctx)
	}
	if err == nil && look != nil {
		err = look(spoke)
	}
	if err != nil {
		spoke.dump(40)
	}
	return at.Sub(spoke.Started).Seconds(), errors.Join(err, spoke.Close())
}

// The names of the processes that make up the control planes.
var (
	boxProcesses  = []string{"init", "router"}
	peerProcesses = []string{"charon-systemd", "zebra", "staticd", "nhrpd"}
)

// settleTime is how long a spoke is left alone before its memory is read.
const settleTime = 30 * time.Second

// measureMemory boots a spoke and returns the octets of memory that the named
// processes hold once it is up.
func (l *Lab) measureMemory(ctx context.Context, kind kind, processes []string) (float64, error) {
	if err := errors.Join(l.ForgetSpoke(ctx), l.FlushNAT()); err != nil {
		return 0, err
	}
	spoke, err := l.Boot(ctx, kind)
	if err != nil {
		return 0, err
	}
	total, err := spoke.memory(ctx, processes)
	return total, errors.Join(err, spoke.Close())
}

func (s *Spoke) memory(ctx context.Context, processes []string) (float64, error) {
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer cancel()
	if _, _, err := s.Ping.Answer(limited, 0); err != nil {
		return 0, err
	}
	select {
	case <-time.After(settleTime):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	var total float64
	for _, name := range processes {
		octets, err := s.pss(ctx, name)
		if err != nil {
			return 0, err
		}
		total += octets
	}
	return total, nil
}

// pss returns the proportional set size of the one process of a name.
func (s *Spoke) pss(ctx context.Context, process string) (float64, error) {
	pid, err := s.pidOf(ctx, process)
	if err != nil {
		return 0, err
	}
	out, err := s.Run(ctx, fmt.Sprintf("cat /proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("process %s tells no Pss: %q", process, out)
}

// median returns the middle of the values, of which there must be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
