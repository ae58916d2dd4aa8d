package firewall

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// register is the one matches load into. The registers are 16 octets long, as
// a device's name is, so a pair of names lies in this one and the next.
const register = 1

// Expressions the library has no name for (linux/netfilter/nf_tables.h). The
// kernel's own IPsec match, the xfrm expression, cannot be added from outside
// the library; these two say as much: they only cannot name the SA.
const (
	metaSecpath  expr.MetaKey = 25
	metaOIFKind  expr.MetaKey = 27
	metaSDIFName expr.MetaKey = 34
	rtIPsec      expr.RtKey   = 4
)

// encodeStatement returns the expressions of a statement.
func encodeStatement(s statement) ([]expr.Any, error) {
	switch s := s.(type) {
	case device:
		return []expr.Any{loadName(s.key, register), equal(deviceName(s.name))}, nil
	case member:
		return lookup(s.keys, s.set, false), nil
	case dispatch:
		return lookup(s.keys, s.set, true), nil
	case layer4:
		return isProtocol(protocol(s)), nil
	case transport:
		exprs := isProtocol(s.proto)
		exprs = append(exprs, inRange(0, s.source)...)
		return append(exprs, inRange(2, s.dest)...), nil
	case icmpMessage:
		return s.encode(), nil
	case address:
		return s.encode(), nil
	case addressIn:
		return []expr.Any{loadAddress(s.v6, s.source), &expr.Lookup{SourceRegister: register, SetName: s.set}}, nil
	case dscp:
		return s.encode(), nil
	case hops:
		return s.encode(), nil
	case ctState:
		return append([]expr.Any{loadTracked(expr.CtKeySTATE)}, anyBit(uint32(s))...), nil
	case stamped:
		return []expr.Any{loadTracked(expr.CtKeyMARK), equal(native(s.value))}, nil
	case setStamp:
		return []expr.Any{
			&expr.Immediate{Register: register, Data: native(s.value)},
			&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true},
		}, nil
	case helped:
		name := make([]byte, maxHelperName)
		copy(name, s.name)
		return []expr.Any{loadTracked(expr.CtKeyHELPER), equal(name)}, nil
	case help:
		return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_CT_HELPER, Name: helper(s).object()}}, nil
	case clamp:
		return []expr.Any{
			&expr.Immediate{Register: register, Data: binary.BigEndian.AppendUint16(nil, uint16(s))},
			writeMSS,
		}, nil
	case count:
		return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: string(s)}}, nil
	case logged:
		return []expr.Any{
			&expr.Limit{Type: expr.LimitTypePkts, Rate: logRate, Unit: expr.LimitTimeSecond, Burst: logBurst},
			&expr.Log{
				Key:   1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_SNAPLEN,
				Group: logGroup, Snaplen: logLength, Data: []byte(s),
			},
		}, nil
	case overRate:
		return []expr.Any{s.encode()}, nil
	case sourceOverRate:
		return perSource(s.v6, s.set, unix.NFT_DYNSET_OP_UPDATE, overRate(s.rate).encode()), nil
	case sourceOverCount:
		return perSource(s.v6, s.set, unix.NFT_DYNSET_OP_ADD, &expr.Connlimit{Count: s.connections, Flags: expr.NFT_CONNLIMIT_F_INV}), nil
	case translate:
		return s.encode(), nil
	case call:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: string(s)}}, nil
	case jumpTo:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: string(s)}}, nil
	case word:
		if exprs, ok := words[s]; ok {
			return exprs, nil
		}
	}
	return nil, fmt.Errorf("no expression for %q", s.nft())
}

// loopback is the index of lo in every network namespace.
const loopback = 1

// maxHelperName is NF_CT_HELPER_NAME_LEN.
const maxHelperName = 16

func (m icmpMessage) encode() []expr.Any {
	family, proto := byte(unix.NFPROTO_IPV4), protoICMPv4
	if m.v6 {
		family, proto = unix.NFPROTO_IPV6, protoICMPv6
	}
	value := []byte{m.number}
	if m.coded {
		value = append(value, m.code)
	}
	exprs := append(isFamily(family), isProtocol(proto)...)
	return append(exprs, load(expr.PayloadBaseTransportHeader, 0, uint32(len(value))), equal(value))
}

// loadAddress loads the source or destination from the IP header.
func loadAddress(v6, source bool) expr.Any {
	offset, length := uint32(12), uint32(4)
	if v6 {
		offset, length = 8, 16
	}
	if !source {
		offset += length
	}
	return load(expr.PayloadBaseNetworkHeader, offset, length)
}

func (a address) encode() []expr.Any {
	exprs := []expr.Any{loadAddress(a.prefix.Addr().Is6(), a.source)}
	if !a.prefix.IsSingleIP() {
		mask := net.CIDRMask(a.prefix.Bits(), a.prefix.Addr().BitLen())
		exprs = append(exprs, masked(mask))
	}
	return append(exprs, equal(a.prefix.Addr().AsSlice()))
}

// encode matches the upper six bits of the octet that was the type of service,
// which in IPv6 lies across two.
func (d dscp) encode() []expr.Any {
	if d.v6 {
		return []expr.Any{
			load(expr.PayloadBaseNetworkHeader, 0, 2), masked([]byte{0x0f, 0xc0}),
			equal(binary.BigEndian.AppendUint16(nil, uint16(d.value)<<6)),
		}
	}
	return []expr.Any{load(expr.PayloadBaseNetworkHeader, 1, 1), masked([]byte{0xfc}), equal([]byte{byte(d.value) << 2})}
}

func (h hops) encode() []expr.Any {
	offset := uint32(8)
	if h.v6 {
		offset = 7
	}
	return []expr.Any{load(expr.PayloadBaseNetworkHeader, offset, 1), equal([]byte{h.value})}
}

func (o overRate) encode() expr.Any {
	return &expr.Limit{
		Type: expr.LimitTypePkts, Rate: uint64(o.count), Unit: expr.LimitTime(rateUnits[o.unit]), Burst: Rate(o).burst(), Over: true,
	}
}

// perSource does what the expression says for the packet's source address,
// which the set remembers.
func perSource(v6 bool, set string, operation uint32, do expr.Any) []expr.Any {
	return []expr.Any{
		loadAddress(v6, true),
		&expr.Dynset{SrcRegKey: register, SetName: set, Operation: operation, Exprs: []expr.Any{do}},
	}
}

func (t translate) encode() []expr.Any {
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: register, Prefix: t.prefix}
	if t.source {
		nat.Type = expr.NATTypeSourceNAT
	}
	if t.to.v6() {
		nat.Family = unix.NFPROTO_IPV6
	}
	exprs := []expr.Any{&expr.Immediate{Register: register, Data: t.to.first.AsSlice()}}
	if t.to.first != t.to.last {
		nat.RegAddrMax = register + 1
		exprs = append(exprs, &expr.Immediate{Register: register + 1, Data: t.to.last.AsSlice()})
	}
	if !t.ports.all() {
		nat.RegProtoMin, nat.Specified = register+2, true
		exprs = append(exprs, &expr.Immediate{Register: register + 2, Data: binary.BigEndian.AppendUint16(nil, t.ports.first)})
	}
	return append(exprs, nat)
}

// words are the expressions of the statements without parameters.
var words = map[word][]expr.Any{
	accept:     {&expr.Verdict{Kind: expr.VerdictAccept}},
	drop:       {&expr.Verdict{Kind: expr.VerdictDrop}},
	notrack:    {&expr.Notrack{}},
	masquerade: {&expr.Masq{}},
	reset:      {&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}},
	prohibit:   {&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}},
	fromSelf:   {&expr.Meta{Key: expr.MetaKeyIIF, Register: register}, equal(native(loopback))},
	toSelf:     {&expr.Meta{Key: expr.MetaKeyOIF, Register: register}, equal(native(loopback))},
	byVRF:      {&expr.Meta{Key: metaOIFKind, Register: register}, equal(deviceName("vrf"))},
	ipv4:       isFamily(unix.NFPROTO_IPV4),
	ipv6:       isFamily(unix.NFPROTO_IPV6),
	toMulticast: append(isFamily(unix.NFPROTO_IPV4),
		load(expr.PayloadBaseNetworkHeader, 16, 4),
		masked([]byte{0xf0, 0, 0, 0}), equal([]byte{224, 0, 0, 0})),
	onLink: append(isFamily(unix.NFPROTO_IPV6),
		load(expr.PayloadBaseNetworkHeader, 7, 1), equal([]byte{255})),
	andNoFurther: append(isFamily(unix.NFPROTO_IPV6),
		load(expr.PayloadBaseNetworkHeader, 7, 1), equal([]byte{1})),
	toRouter: {
		&expr.Fib{Register: register, FlagDADDR: true, FlagIIF: true, ResultADDRTYPE: true},
		equal(native(unix.RTN_LOCAL)),
	},
	fromIPsec:     {&expr.Meta{Key: metaSecpath, Register: register}, equal([]byte{1})},
	intoIPsec:     {&expr.Rt{Key: rtIPsec, Register: register}, equal([]byte{1})},
	known:         {loadTracked(expr.CtKeyMARK), &expr.Lookup{SourceRegister: register, SetName: setStamps}},
	answering:     {loadTracked(expr.CtKeyDIRECTION), equal([]byte{directionReply})},
	onceInspected: {loadTracked(expr.CtKeyMARK), &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: native(0)}},
	translated:    append([]expr.Any{loadTracked(expr.CtKeySTATUS)}, anyBit(statusDestinationNAT)...),
	tooBig4: slices.Concat(isFamily(unix.NFPROTO_IPV4), isProtocol(protoICMPv4),
		[]expr.Any{load(expr.PayloadBaseTransportHeader, 0, 2), equal([]byte{3, 4})}),
	tooBig6: slices.Concat(isFamily(unix.NFPROTO_IPV6), isProtocol(protoICMPv6),
		[]expr.Any{load(expr.PayloadBaseTransportHeader, 0, 1), equal([]byte{2})}),
	// SYN set and RST not, in the octet of flags.
	openTCP: append(isProtocol(protoTCP),
		load(expr.PayloadBaseTransportHeader, 13, 1), masked([]byte{0x06}), equal([]byte{0x02})),
	// SYN set and ACK not.
	beginTCP: append(isProtocol(protoTCP),
		load(expr.PayloadBaseTransportHeader, 13, 1), masked([]byte{0x12}), equal([]byte{0x02})),
	clampRoute: {
		&expr.Rt{Key: expr.RtTCPMSS, Register: register},
		&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 2, Size: 2},
		writeMSS,
	},
}

// writeMSS stores the register in the MSS option (RFC 9293, 3.7.1: kind 2,
// the value from octet 2 on).
var writeMSS = &expr.Exthdr{SourceRegister: register, Type: 2, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt}

// From linux/netfilter/nf_conntrack_common.h and nf_conntrack_tuple_common.h.
const (
	statusDestinationNAT uint32 = 1 << 5
	directionReply       byte   = 1
)

func loadTracked(key expr.CtKey) expr.Any { return &expr.Ct{Key: key, Register: register} }

// lookup asks a set, or a map for the verdict.
func lookup(keys []nameKey, name string, verdicts bool) []expr.Any {
	var exprs []expr.Any
	for i, key := range keys {
		exprs = append(exprs, loadName(key, register+uint32(i)))
	}
	return append(exprs, &expr.Lookup{SourceRegister: register, SetName: name, IsDestRegSet: verdicts})
}

func loadName(key nameKey, to uint32) expr.Any {
	meta := map[nameKey]expr.MetaKey{
		ingress: expr.MetaKeyIIFNAME,
		egress:  expr.MetaKeyOIFNAME,
		slave:   metaSDIFName,
	}[key]
	return &expr.Meta{Key: meta, Register: to}
}

func isFamily(family byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, equal([]byte{family})}
}

func isProtocol(p protocol) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equal([]byte{byte(p)})}
}

// inRange matches the port at the offset of the transport header, nothing if
// the range holds all ports.
func inRange(offset uint32, p ports) []expr.Any {
	if p.all() {
		return nil
	}
	first, last := binary.BigEndian.AppendUint16(nil, p.first), binary.BigEndian.AppendUint16(nil, p.last)
	exprs := []expr.Any{load(expr.PayloadBaseTransportHeader, offset, 2)}
	if p.first == p.last {
		return append(exprs, equal(first))
	}
	return append(exprs,
		&expr.Cmp{Op: expr.CmpOpGte, Register: register, Data: first},
		&expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: last})
}

func load(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: length}
}

func equal(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

// masked clears the register's bits outside mask.
func masked(mask []byte) expr.Any {
	return &expr.Bitwise{SourceRegister: register, DestRegister: register, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))}
}

// anyBit matches when the register has one of the bits.
func anyBit(bits uint32) []expr.Any {
	return []expr.Any{masked(native(bits)), &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: native(0)}}
}

// native is a number as the kernel keeps it in a register.
func native(n uint32) []byte { return binaryutil.NativeEndian.PutUint32(n) }
