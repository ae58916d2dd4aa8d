package xfrm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
)

const (
	// minWindow is the smallest replay window of an inbound SA: RFC 4303 section
	// 3.4.3 demands 32.
	minWindow = 32
	// maxWindow is the kernel's bound, XFRMA_REPLAY_ESN_MAX octets of bitmap.
	maxWindow = 4096 * 8
	// mappingPause is the time in seconds between two Mapping events for the same
	// source; without it there is one for each packet.
	mappingPause = 1
	// algorithmName is the size of the kernel's name field, a final zero included.
	algorithmName = 64
)

// check says what the kernel would reject, or worse accept as something
// else.
func (sa *SA) check() error {
	switch {
	case !sa.Src.Is4() || !sa.Dst.Is4() || sa.Src.IsUnspecified() || sa.Dst.IsUnspecified():
		return fmt.Errorf("SA runs from %s to %s, want IPv4 addresses", sa.Src, sa.Dst)
	case sa.SPI < 256:
		return fmt.Errorf("SPI %d is reserved (RFC 4303 section 2.1)", sa.SPI)
	case sa.ReqID == 0:
		return errors.New("SA without ReqID belongs to no policy")
	case sa.In && (sa.ReplayWindow < minWindow || sa.ReplayWindow > maxWindow):
		return fmt.Errorf("replay window of an inbound SA is %d, want %d to %d", sa.ReplayWindow, minWindow, maxWindow)
	case !sa.In && sa.ReplayWindow != 0:
		return fmt.Errorf("replay window of an outbound SA is %d, want 0", sa.ReplayWindow)
	case sa.AEAD != nil && (sa.Crypt != nil || sa.Auth != nil):
		return errors.New("SA has both an AEAD and separate algorithms")
	case sa.AEAD == nil && (sa.Crypt == nil || sa.Auth == nil):
		return errors.New("SA needs an AEAD, or a cipher and an integrity algorithm")
	}
	for _, a := range []*Algorithm{sa.AEAD, sa.Auth} {
		// The kernel's own default is 96 bits even for SHA-256.
		if a != nil && (a.ICVBits <= 0 || a.ICVBits%8 != 0) {
			return fmt.Errorf("ICV of %s is %d bits, want a positive number of octets", a.Name, a.ICVBits)
		}
	}
	for _, a := range []*Algorithm{sa.AEAD, sa.Crypt, sa.Auth} {
		if a != nil && (a.Name == "" || len(a.Name) >= algorithmName) {
			return fmt.Errorf("algorithm name %q is empty or longer than %d octets", a.Name, algorithmName-1)
		}
	}
	return nil
}

// marshal returns the body of a NEWSA or UPDSA message. r is where the sequence
// numbers start, the zero value on a fresh SA; the kernel ignores it in UPDSA.
func (sa *SA) marshal(r replay) ([]byte, error) {
	if err := sa.check(); err != nil {
		return nil, err
	}
	info := saInfo{
		// Nothing but GRE: what a peer might put into the SA besides is dropped
		// after decryption. Addresses stay open, NAT may change the peer's.
		Selector: selector{Family: familyIPv4, Proto: protoGRE},
		ID:       xfrmID{Dst: packAddr(sa.Dst), SPI: packSPI(sa.SPI), Proto: protoESP},
		Src:      packAddr(sa.Src),
		Limits:   limits(sa.SoftBytes, sa.HardBytes, sa.SoftPackets, sa.HardPackets),
		ReqID:    sa.ReqID,
		Family:   familyIPv4,
		Mode:     modeTransport,
	}
	if sa.ESN {
		info.Flags = flagESN
	}
	attrs := netlink.NewAttributeEncoder()
	if a := sa.AEAD; a != nil {
		attrs.Bytes(attrAEAD, packAlgorithm(a, true))
	}
	if a := sa.Auth; a != nil {
		attrs.Bytes(attrAuthTruncated, packAlgorithm(a, true))
	}
	if a := sa.Crypt; a != nil {
		attrs.Bytes(attrCrypt, packAlgorithm(a, false))
	}
	if e := sa.Encap; e != nil {
		attrs.Bytes(attrEncap, pack(encapTemplate{
			Type:    encapESPInUDP,
			SrcPort: packPort(e.SrcPort),
			DstPort: packPort(e.DstPort),
		}))
		if sa.In {
			attrs.Uint32(attrMappingPause, mappingPause)
		}
	}
	// Always the long form of the replay state: the octet in saInfo holds no
	// window above 255, and the kernel cuts it at 32.
	window := sa.ReplayWindow
	switch {
	case sa.In:
		attrs.Uint8(attrDirection, directionIn)
	case !sa.ESN:
		attrs.Uint8(attrDirection, directionOut)
	default:
		// Before Linux 6.10 the kernel demands a window with ESN, since then it
		// forbids one on an SA that is said to be outbound. Saying nothing suits
		// both.
		window = 1
	}
	attrs.Bytes(attrReplayESN, r.pack(window))

	a, err := attrs.Encode()
	if err != nil {
		return nil, err
	}
	return append(pack(info), a...), nil
}

// parseState is the inverse of marshal for what the kernel lists. It reports
// false for an SA of another kind than ours, and for a larval one.
func parseState(b []byte) (State, bool, error) {
	var info saInfo
	rest, err := unpack(b, &info)
	if err != nil {
		return State{}, false, fmt.Errorf("parse SA: %w", err)
	}
	s := State{
		SA: SA{
			Src:         unpackAddr(info.Src),
			Dst:         unpackAddr(info.ID.Dst),
			SPI:         unpackSPI(info.ID.SPI),
			ReqID:       info.ReqID,
			ESN:         info.Flags&flagESN != 0,
			SoftBytes:   limit(info.Limits.SoftBytes),
			HardBytes:   limit(info.Limits.HardBytes),
			SoftPackets: limit(info.Limits.SoftPackets),
			HardPackets: limit(info.Limits.HardPackets),
		},
		Counters: Counters{
			Bytes:        info.Current.Bytes,
			Packets:      info.Current.Packets,
			ReplayErrors: uint64(info.ReplayErrors),
			BadICV:       uint64(info.IntegrityErrors),
		},
	}
	if info.Family != familyIPv4 || info.ID.Proto != protoESP || info.Mode != modeTransport || s.SPI == 0 {
		return State{}, false, nil
	}
	window := uint32(info.ReplayWindow)
	attrs, err := netlink.NewAttributeDecoder(rest)
	if err != nil {
		return State{}, false, fmt.Errorf("parse SA %s: %w", s.ID(), err)
	}
	for attrs.Next() {
		switch attrs.Type() {
		case attrAEAD:
			attrs.Do(parseAlgorithm(&s.AEAD, true))
		case attrAuthTruncated:
			attrs.Do(parseAlgorithm(&s.Auth, true))
		case attrCrypt:
			attrs.Do(parseAlgorithm(&s.Crypt, false))
		case attrEncap:
			attrs.Do(s.parseEncap)
		case attrReplay:
			attrs.Do(s.replay.parseShort)
		case attrReplayESN:
			attrs.Do(func(b []byte) (err error) {
				window, err = s.replay.parse(b)
				return err
			})
		}
	}
	if err := attrs.Err(); err != nil {
		return State{}, false, fmt.Errorf("parse SA %s: %w", s.ID(), err)
	}
	// Kernels before 6.10 do not record the direction; the window tells it,
	// because none of our inbound SAs goes without one (see marshal).
	if s.In = window >= minWindow; s.In {
		s.ReplayWindow = window
		s.LastSequence = s.replay.in
	} else {
		s.LastSequence = s.replay.out
	}
	return s, true, nil
}

func (s *State) parseEncap(b []byte) error {
	var t encapTemplate
	if _, err := unpack(b, &t); err != nil {
		return err
	}
	s.Encap = &Encap{SrcPort: unpackPort(t.SrcPort), DstPort: unpackPort(t.DstPort)}
	return nil
}

// packAlgorithm returns struct xfrm_algo, or with withICV struct xfrm_algo_auth
// and xfrm_algo_aead, which are alike.
func packAlgorithm(a *Algorithm, withICV bool) []byte {
	b := make([]byte, algorithmName, algorithmName+8+len(a.Key))
	copy(b, a.Name)
	b = native.AppendUint32(b, uint32(8*len(a.Key)))
	if withICV {
		b = native.AppendUint32(b, uint32(a.ICVBits))
	}
	return append(b, a.Key...)
}

// parseAlgorithm returns a function that does the inverse of packAlgorithm into
// *out.
func parseAlgorithm(out **Algorithm, withICV bool) func([]byte) error {
	return func(b []byte) error {
		header := algorithmName + 4
		if withICV {
			header += 4
		}
		if len(b) < header {
			return fmt.Errorf("%d octets are too few for an algorithm", len(b))
		}
		name, _, _ := bytes.Cut(b[:algorithmName], []byte{0})
		bits := native.Uint32(b[algorithmName:])
		a := &Algorithm{Name: string(name)}
		if withICV {
			icv := native.Uint32(b[algorithmName+4:])
			if icv > 8*64 {
				return fmt.Errorf("ICV of %s is %d bits", a.Name, icv)
			}
			a.ICVBits = int(icv)
		}
		key := b[header:]
		octets := (uint64(bits) + 7) / 8
		if octets > uint64(len(key)) {
			return fmt.Errorf("key of %s is %d bits, attribute holds %d octets", a.Name, bits, len(key))
		}
		a.Key = slices.Clone(key[:octets])
		*out = a
		return nil
	}
}

// limits returns a kernel lifetime with no time in it. 0 means no limit.
func limits(softBytes, hardBytes, softPackets, hardPackets uint64) lifetimeConfig {
	orUnlimited := func(n uint64) uint64 {
		if n == 0 {
			return unlimited
		}
		return n
	}
	return lifetimeConfig{
		SoftBytes:   orUnlimited(softBytes),
		HardBytes:   orUnlimited(hardBytes),
		SoftPackets: orUnlimited(softPackets),
		HardPackets: orUnlimited(hardPackets),
	}
}

func limit(n uint64) uint64 {
	if n == unlimited {
		return 0
	}
	return n
}

// packSAID returns the body of a DELSA message.
func packSAID(id ID) []byte {
	return pack(saID{Dst: packAddr(id.Dst), SPI: packSPI(id.SPI), Family: familyIPv4, Proto: protoESP})
}
