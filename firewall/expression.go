package firewall

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// register is the one matches load into. The registers are 16 octets long, as
// a device's name is, so a pair of names lies in this one and the next.
const register = 1

// encodeStatement returns the expressions of a statement.
func encodeStatement(s statement, sets map[string]*nftables.Set) ([]expr.Any, error) {
	switch s := s.(type) {
	case device:
		return []expr.Any{loadName(s.key, register), equal(deviceName(s.name))}, nil
	case member:
		return encodeLookup(s.keys, s.set, false, sets)
	case dispatch:
		return encodeLookup(s.keys, s.set, true, sets)
	case layer4:
		return isProtocol(protocol(s)), nil
	case transport:
		exprs := isProtocol(s.proto)
		exprs = append(exprs, inRange(0, s.source)...)
		return append(exprs, inRange(2, s.dest)...), nil
	case icmpMessage:
		family, proto := byte(unix.NFPROTO_IPV4), protoICMPv4
		if s.v6 {
			family, proto = unix.NFPROTO_IPV6, protoICMPv6
		}
		exprs := append(isFamily(family), isProtocol(proto)...)
		return append(exprs, load(expr.PayloadBaseTransportHeader, 0, 1), equal([]byte{s.number})), nil
	case ctState:
		return append([]expr.Any{&expr.Ct{Key: expr.CtKeySTATE, Register: register}}, anyBit(uint32(s))...), nil
	case clamp:
		return []expr.Any{
			&expr.Immediate{Register: register, Data: binary.BigEndian.AppendUint16(nil, uint16(s))},
			writeMSS,
		}, nil
	case count:
		return []expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCounter), Name: string(s)}}, nil
	case logged:
		return []expr.Any{
			&expr.Limit{Type: expr.LimitTypePkts, Rate: logRate, Unit: expr.LimitTimeSecond, Burst: logBurst},
			&expr.Log{Key: 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_LEVEL, Level: expr.LogLevelInfo, Data: []byte(s)},
		}, nil
	case jumpTo:
		v, err := encodeVerdict(s)
		return []expr.Any{v}, err
	case word:
		if exprs, ok := words[s]; ok {
			return exprs, nil
		}
	}
	return nil, fmt.Errorf("no expression for %q", s.nft())
}

// words are the expressions of the statements without parameters.
var words = map[word][]expr.Any{
	accept:     {&expr.Verdict{Kind: expr.VerdictAccept}},
	drop:       {&expr.Verdict{Kind: expr.VerdictDrop}},
	notrack:    {&expr.Notrack{}},
	masquerade: {&expr.Masq{}},
	reset:      {&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}},
	prohibit:   {&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}},
	ipv4:       isFamily(unix.NFPROTO_IPV4),
	toMulticast: append(isFamily(unix.NFPROTO_IPV4),
		load(expr.PayloadBaseNetworkHeader, 16, 4),
		masked([]byte{0xf0, 0, 0, 0}), equal([]byte{224, 0, 0, 0})),
	onLink: append(isFamily(unix.NFPROTO_IPV6),
		load(expr.PayloadBaseNetworkHeader, 7, 1), equal([]byte{255})),
	fromIPsec:     {&expr.Meta{Key: metaSecpath, Register: register}, equal([]byte{1})},
	intoIPsec:     {&expr.Rt{Key: rtIPsec, Register: register}, equal([]byte{1})},
	inspected:     marked(inspectedMark),
	allowed:       marked(inspectedMark | withinMark),
	markInspected: setMark(inspectedMark),
	markWithin:    setMark(withinMark),
	tooBig4: slices.Concat(isFamily(unix.NFPROTO_IPV4), isProtocol(protoICMPv4),
		[]expr.Any{load(expr.PayloadBaseTransportHeader, 0, 2), equal([]byte{3, 4})}),
	tooBig6: slices.Concat(isFamily(unix.NFPROTO_IPV6), isProtocol(protoICMPv6),
		[]expr.Any{load(expr.PayloadBaseTransportHeader, 0, 1), equal([]byte{2})}),
	// SYN set and RST not, in the octet of flags.
	openTCP: append(isProtocol(protoTCP),
		load(expr.PayloadBaseTransportHeader, 13, 1), masked([]byte{0x06}), equal([]byte{0x02})),
	clampRoute: {
		&expr.Rt{Key: expr.RtTCPMSS, Register: register},
		&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 2, Size: 2},
		writeMSS,
	},
}

// writeMSS stores the register in the MSS option (RFC 9293, 3.7.1: kind 2,
// the value from octet 2 on).
var writeMSS = &expr.Exthdr{SourceRegister: register, Type: 2, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt}

// encodeLookup asks a set, or a map for the verdict.
func encodeLookup(keys []nameKey, name string, verdicts bool, sets map[string]*nftables.Set) ([]expr.Any, error) {
	s, ok := sets[name]
	if !ok {
		return nil, fmt.Errorf("there is no set %s", name)
	}
	var exprs []expr.Any
	for i, key := range keys {
		exprs = append(exprs, loadName(key, register+uint32(i)))
	}
	return append(exprs, &expr.Lookup{SourceRegister: register, SetName: s.Name, SetID: s.ID, IsDestRegSet: verdicts}), nil
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

// marked matches connections whose mark has one of the bits.
func marked(bits uint32) []expr.Any {
	return append([]expr.Any{&expr.Ct{Key: expr.CtKeyMARK, Register: register}}, anyBit(bits)...)
}

// setMark sets a bit of the connection's mark and keeps the others, which may
// have other owners.
func setMark(bit uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeyMARK, Register: register},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: native(^bit), Xor: native(bit)},
		&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true},
	}
}

// native is a number as the kernel keeps it in a register.
func native(n uint32) []byte { return binaryutil.NativeEndian.PutUint32(n) }
