package xfrm

import (
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Direction of a policy.
type Direction uint8

// The kernel's XFRM_POLICY_*.
const (
	DirectionIn      Direction = 0
	DirectionOut     Direction = 1
	DirectionForward Direction = 2
)

func (d Direction) String() string {
	switch d {
	case DirectionIn:
		return "in"
	case DirectionOut:
		return "out"
	case DirectionForward:
		return "fwd"
	}
	return fmt.Sprintf("direction %d", uint8(d))
}

// Priorities of our policies; the lower number is looked at first.
const (
	priorityProtect = 1000
	priorityBlock   = 2000
)

// The kernel's XFRM_POLICY_ALLOW and XFRM_POLICY_BLOCK.
const (
	actionAllow = 0
	actionBlock = 1
)

// blockPort distinguishes the block policy's selector. The kernel keeps one
// policy for one selector, whatever the priority, so that a second one with the
// same selector would replace the first. A port under an empty mask matches
// every packet and yet makes another selector.
const blockPort = 1

// Policy is an entry of the kernel's security policy database.
type Policy struct {
	Dir      Direction
	Src, Dst netip.Prefix
	// Proto is the IP protocol, 0 for any.
	Proto    uint8
	Priority uint32
	// Block drops what matches. Without it and without a template the policy
	// lets packets pass in clear.
	Block bool
	// ReqID is the template's: what matches goes through, or has come through, an
	// ESP SA in transport mode that bears the number. 0 means no template.
	ReqID uint32
	// Foreign says that there are templates, but not one alone that demands ESP in
	// transport mode. It is never set on ours.
	Foreign bool
	// Index is the interface the policy is restricted to, never set on ours.
	Ifindex int
}

// String returns the policy in the order of `ip xfrm policy`.
func (p Policy) String() string {
	action := "allow"
	switch {
	case p.Block:
		action = "block"
	case p.ReqID != 0:
		action = fmt.Sprintf("esp reqid %d", p.ReqID)
	case p.Foreign:
		action = "other templates"
	}
	s := fmt.Sprintf("%s src %s dst %s proto %d priority %d %s", p.Dir, p.Src, p.Dst, p.Proto, p.Priority, action)
	if p.Ifindex != 0 {
		s += fmt.Sprintf(" ifindex %d", p.Ifindex)
	}
	return s
}

// FailClosed returns the policies that let no GRE leave or enter this box but
// through an SA with the given ReqID, however many peers there are: a pair for
// all GRE, and a block pair behind it that holds should the first one go. While
// a peer has no SA, its packets are dropped and cause an Acquire. They belong in
// place before the tunnel link comes up and stay for good.
func FailClosed(reqID uint32) []Policy {
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	var policies []Policy
	for _, dir := range []Direction{DirectionOut, DirectionIn} {
		gre := Policy{Dir: dir, Src: everywhere, Dst: everywhere, Proto: protoGRE}
		protect, block := gre, gre
		protect.Priority, protect.ReqID = priorityProtect, reqID
		block.Priority, block.Block = priorityBlock, true
		policies = append(policies, protect, block)
	}
	return policies
}

// Precedes reports whether the kernel would look at p before it looks at ours,
// one of FailClosed, for some GRE packet, and do something else with it than
// drop it.
func (p Policy) Precedes(ours Policy) bool {
	return p.Dir != DirectionForward && !p.Block && (p.Proto == 0 || p.Proto == protoGRE) && p.Priority <= ours.Priority
}

func (p Policy) selector() selector {
	s := selector{
		Src:     packAddr(p.Src.Addr()),
		SrcLen:  uint8(p.Src.Bits()),
		Dst:     packAddr(p.Dst.Addr()),
		DstLen:  uint8(p.Dst.Bits()),
		Family:  familyIPv4,
		Proto:   p.Proto,
		Ifindex: int32(p.Ifindex),
	}
	if p.Block {
		s.DstPort = packPort(blockPort)
	}
	return s
}

// marshal returns the body of an UPDPOLICY message.
func (p Policy) marshal() ([]byte, error) {
	if !p.Src.IsValid() || !p.Src.Addr().Is4() || !p.Dst.IsValid() || !p.Dst.Addr().Is4() {
		return nil, fmt.Errorf("policy is between %s and %s, want IPv4 prefixes", p.Src, p.Dst)
	}
	b := pack(p.info())
	if p.ReqID == 0 {
		return b, nil
	}
	attrs := netlink.NewAttributeEncoder()
	attrs.Bytes(attrTemplates, pack(template{
		ID:     xfrmID{Proto: protoESP},
		Family: familyIPv4,
		ReqID:  p.ReqID,
		Mode:   modeTransport,
		Auths:  anyAlgo,
		Crypts: anyAlgo,
		Comp:   anyAlgo,
	}))
	a, err := attrs.Encode()
	return append(b, a...), err
}

func (p Policy) info() policyInfo {
	info := policyInfo{
		Selector: p.selector(),
		Limits:   limits(0, 0, 0, 0),
		Priority: p.Priority,
		Dir:      uint8(p.Dir),
		Action:   actionAllow,
	}
	if p.Block {
		info.Action = actionBlock
	}
	return info
}

// parsePolicy is the inverse of marshal. It reports false for what is not an
// IPv4 policy of the main database: sockets have policies too.
func parsePolicy(b []byte) (Policy, bool, error) {
	var info policyInfo
	rest, err := unpack(b, &info)
	if err != nil {
		return Policy{}, false, fmt.Errorf("parse policy: %w", err)
	}
	s := &info.Selector
	if s.Family != familyIPv4 || info.Dir > uint8(DirectionForward) {
		return Policy{}, false, nil
	}
	templates, err := parseTemplates(rest)
	if err != nil {
		return Policy{}, false, fmt.Errorf("parse policy: %w", err)
	}
	p := Policy{
		Dir:      Direction(info.Dir),
		Src:      netip.PrefixFrom(unpackAddr(s.Src), int(s.SrcLen)),
		Dst:      netip.PrefixFrom(unpackAddr(s.Dst), int(s.DstLen)),
		Proto:    s.Proto,
		Priority: info.Priority,
		Block:    info.Action == actionBlock,
		Ifindex:  int(s.Ifindex),
	}
	// Only a template that binds counts: one that is optional, or of another
	// kind than ours, must not look like protection to a self-check.
	if len(templates) == 1 {
		if t := &templates[0]; t.ID.Proto == protoESP && t.Mode == modeTransport && t.Optional == 0 {
			p.ReqID = t.ReqID
		}
	}
	p.Foreign = len(templates) > 0 && p.ReqID == 0
	return p, true, nil
}

// parseTemplates returns the templates among the attributes of a policy or of
// an acquire.
func parseTemplates(attributes []byte) ([]template, error) {
	attrs, err := netlink.NewAttributeDecoder(attributes)
	if err != nil {
		return nil, err
	}
	var templates []template
	for attrs.Next() {
		if attrs.Type() != attrTemplates {
			continue
		}
		for b := attrs.Bytes(); len(b) > 0; {
			var t template
			if b, err = unpack(b, &t); err != nil {
				return nil, err
			}
			templates = append(templates, t)
		}
	}
	return templates, attrs.Err()
}
