package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farspoke/farspoke/lab/guest"
)

// kernelSA is an ESP SA as ip shows it and takes it.
type kernelSA struct {
	src, dst, spi, reqID string
	algorithm, key       string
	srcPort, dstPort     string
	window, lastSequence int
}

var kernelSAFields = regexp.MustCompile(`(?s)^(\S+) dst (\S+)\s+proto esp spi (0x\w+)\(\d+\) reqid (\d+)\(.*?flag\s+\(\w+\).*?` +
	`aead (\S+) (0x\w+) \(.*?encap type espinudp sport (\d+) dport (\d+) addr.*?` +
	`oseq-hi 0x0, oseq 0x(\w+).*?replay_window (\d+),`)

// parseKernelSAs reads the output of ip -s xfrm state.
func parseKernelSAs(text string) ([]kernelSA, error) {
	var all []kernelSA
	for _, section := range strings.Split("\n"+text, "\nsrc ")[1:] {
		f := kernelSAFields.FindStringSubmatch(section)
		if f == nil {
			return nil, fmt.Errorf("ip shows an SA that is not of AES-GCM in UDP without flags: %s", section)
		}
		sequence, err := strconv.ParseUint(f[9], 16, 32)
		if err != nil {
			return nil, err
		}
		window, err := strconv.Atoi(f[10])
		if err != nil {
			return nil, err
		}
		all = append(all, kernelSA{
			src: f[1], dst: f[2], spi: f[3], reqID: f[4],
			algorithm: f[5], key: f[6], srcPort: f[7], dstPort: f[8], lastSequence: int(sequence), window: window,
		})
	}
	return all, nil
}

// sequenceGap is what may be sent while an SA is being replaced.
const sequenceGap = 1 << 16

// replace returns the command that puts an SA made by hand in the place of sa.
func (sa kernelSA) replace() string {
	ip := guest.IPRouteCommand
	replay := fmt.Sprintf("replay-window %d", sa.window)
	if sa.window == 0 { // outbound: the hub has seen what was sent before
		replay += fmt.Sprintf(" replay-oseq %d", sa.lastSequence+sequenceGap)
	}
	return fmt.Sprintf("%s xfrm state delete dst %s proto esp spi %s && %s xfrm state add src %s dst %s proto esp spi %s reqid %s mode transport %s aead '%s' %s 128 encap espinudp %s %s 0.0.0.0",
		ip, sa.dst, sa.spi, ip, sa.src, sa.dst, sa.spi, sa.reqID, replay, sa.algorithm, sa.key, sa.srcPort, sa.dstPort)
}

// showSAs returns what ip shows of the box's SAs.
func (s *Spoke) showSAs(ctx context.Context) (string, error) {
	out, err := s.Run(ctx, guest.IPRouteCommand+" -s xfrm state")
	if err != nil {
		return "", fmt.Errorf("list the box's SAs: %w\n%s", err, out)
	}
	return out, nil
}

// byHand replaces the SAs of the box by others that are made by hand.
func (s *Spoke) byHand(ctx context.Context) error {
	shown, err := s.showSAs(ctx)
	if err != nil {
		return err
	}
	sas, err := parseKernelSAs(shown)
	if err != nil {
		return err
	}
	for _, sa := range sas {
		if out, err := s.Run(ctx, sa.replace()); err != nil {
			return fmt.Errorf("make SA %s by hand: %w\n%s", sa.spi, err, out)
		}
	}
	return nil
}

// rekeyed lets the hub rekey the child SA, and waits until the box has the new
// pair and no other.
func (s *Spoke) rekeyed(ctx context.Context) error {
	before, err := s.spis(ctx)
	if err != nil {
		return err
	}
	if out, err := s.lab.Hub.Run(ctx, "swanctl --rekey --child gre"); err != nil {
		return fmt.Errorf("rekey: %w\n%s", err, out)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, rekeyWait, fmt.Errorf("the child SA is not rekeyed after %v", rekeyWait))
	defer cancel()
	for {
		now, err := s.spis(ctx)
		if err != nil {
			return err
		}
		old := slices.ContainsFunc(now, func(spi string) bool { return slices.Contains(before, spi) })
		if len(now) == 2 && !old {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var shownSPI = regexp.MustCompile(`proto esp spi (0x\w+)`)

// spis returns the SPIs of the box's SAs.
func (s *Spoke) spis(ctx context.Context) (spis []string, err error) {
	shown, err := s.showSAs(ctx)
	for _, match := range shownSPI.FindAllStringSubmatch(shown, -1) {
		spis = append(spis, match[1])
	}
	slices.Sort(spis)
	return spis, err
}
