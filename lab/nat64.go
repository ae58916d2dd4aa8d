package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The devices of the carrier's NAT64: its own, and one by which what comes for it is
// given a checksum.
const (
	nat64Device    = "nat64"
	checksumDevice = "checksum"
)

// nat64Prefix is how IPv4 is reached over the mobile network's IPv6, and nat64Pool
// where the addresses are from that the carrier translates once more.
var (
	nat64Prefix = netip.MustParsePrefix("2001:db8:64:ff9b::/96")
	nat64Pool   = netip.MustParsePrefix("100.66.64.0/24")
)

// StartNAT64 gives the carrier a NAT64 until ctx ends, Debian's tayga. What comes for
// it over IPv4 takes a turn through checksum, since tayga drops UDP without one,
// which all ESP in UDP is (RFC 3948, 2.1) and a NAT64 gives one to (RFC 6146, 3.4).
//
//	internet ─→ TUN device ─→ checksum ─→ TUN device ─→ tayga ─→ cell
func (n *Network) StartNAT64(ctx context.Context, dir string) error {
	config := filepath.Join(dir, "tayga.conf")
	text := fmt.Sprintf("tun-device %s\nipv4-addr %s\nipv6-addr 2001:db8:64::1\nprefix %s\ndynamic-pool %s\n",
		nat64Device, nat64Pool.Addr().Next(), nat64Prefix, nat64Pool)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	turn, err := n.openTUN(checksumDevice)
	if err != nil {
		return err
	}
	go turn.Run(ctx, func(packet []byte) { turn.Send(checksum(packet)) })

	const table = "64"
	run := func(name string, args ...string) error { return n.NAT.Run(ctx, "", name, args...) }
	err = errors.Join(
		n.NAT.Sysctl("ipv6/conf/all/forwarding", "1"),
		run("tayga", "--config", config, "--mktun"),
		run("ip", "link", "set", nat64Device, "up"),
		run("ip", "route", "add", nat64Pool.String(), "dev", checksumDevice),
		run("ip", "route", "add", nat64Pool.String(), "dev", nat64Device, "table", table),
		run("ip", "rule", "add", "iif", checksumDevice, "table", table),
		run("ip", "-6", "route", "add", nat64Prefix.String(), "dev", nat64Device),
	)
	if err != nil {
		return fmt.Errorf("start the carrier's NAT64: %w", err)
	}
	log, err := os.Create(logFile("nat64"))
	if err != nil {
		return err
	}
	wait, err := n.NAT.Start(ctx, log, "tayga", "--config", config, "--nodetach")
	if err != nil {
		return errors.Join(err, log.Close())
	}
	context.AfterFunc(ctx, func() {
		_ = wait() // it was killed
		_ = log.Close()
		for _, command := range [][]string{{"link", "del", nat64Device}, {"rule", "del", "iif", checksumDevice}} {
			_ = n.NAT.Run(context.WithoutCancel(ctx), "", "ip", command...)
		}
	})
	return nil
}

// checksum gives a packet of UDP over IPv4 its checksum if it has none (RFC 768).
func checksum(packet []byte) []byte {
	header := int(packet[0]&0x0f) * 4
	if packet[0]>>4 != 4 || packet[9] != unix.IPPROTO_UDP || len(packet) < header+8 || binary.BigEndian.Uint16(packet[header+6:]) != 0 {
		return packet
	}
	udp := packet[header:]
	sum := uint32(unix.IPPROTO_UDP) + uint32(len(udp))
	for _, part := range [][]byte{packet[12:20], udp} {
		for i, octet := range part {
			sum += uint32(octet) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], ^uint16(sum))
	return packet
}
