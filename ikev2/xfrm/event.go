package xfrm

import (
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Event is one of Acquire, Expire, Mapping and Lost.
type Event interface{ event() }

// Acquire says that a packet wants to leave and no SA fits. The kernel repeats
// it only after net.core.xfrm_acq_expires seconds, or once an SA between the
// two addresses came and went.
type Acquire struct {
	Src, Dst netip.Addr
	Proto    uint8
	ReqID    uint32
}

// Expire says that an SA reached a limit. A hard limit has removed it.
type Expire struct {
	ID    ID
	ReqID uint32
	Hard  bool
}

// Mapping says that a verified ESP-in-UDP packet came from another address or
// port than the SA's: the peer's NAT has moved. It is repeated each second
// until the SA is updated.
type Mapping struct {
	ID       ID
	ReqID    uint32
	Old, New netip.AddrPort
}

// Lost says that the kernel had more events than the socket could hold, and
// dropped some: read the SAs to learn what happened.
type Lost struct{}

func (Acquire) event() {}
func (Expire) event()  {}
func (Mapping) event() {}
func (Lost) event()    {}

// parseEvent returns the event in a message from the kernel, nil for one that
// says nothing about our kind of SA.
func parseEvent(m netlink.Message) (Event, error) {
	switch m.Header.Type {
	case msgAcquire:
		return parseAcquire(m.Data)
	case msgExpire:
		return parseExpire(m.Data)
	case msgMapping:
		return parseMapping(m.Data)
	}
	return nil, nil
}

func parseAcquire(b []byte) (Event, error) {
	var info acquireInfo
	rest, err := unpack(b, &info)
	if err != nil {
		return nil, fmt.Errorf("parse acquire: %w", err)
	}
	if info.Selector.Family != familyIPv4 || info.ID.Proto != protoESP {
		return nil, nil
	}
	templates, err := parseTemplates(rest)
	if err != nil {
		return nil, fmt.Errorf("parse acquire: %w", err)
	}
	e := Acquire{
		Src:   unpackAddr(info.Src),
		Dst:   unpackAddr(info.ID.Dst),
		Proto: info.Selector.Proto,
	}
	if len(templates) > 0 {
		e.ReqID = templates[0].ReqID
	}
	return e, nil
}

func parseExpire(b []byte) (Event, error) {
	var info expireInfo
	if _, err := unpack(b, &info); err != nil {
		return nil, fmt.Errorf("parse expire: %w", err)
	}
	sa := &info.SA
	spi := unpackSPI(sa.ID.SPI)
	// SPI 0 is the larval SA behind an Acquire.
	if sa.Family != familyIPv4 || sa.ID.Proto != protoESP || spi == 0 {
		return nil, nil
	}
	return Expire{ID: ID{unpackAddr(sa.ID.Dst), spi}, ReqID: sa.ReqID, Hard: info.Hard != 0}, nil
}

func parseMapping(b []byte) (Event, error) {
	var info mappingInfo
	if _, err := unpack(b, &info); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	if info.ID.Family != familyIPv4 || info.ID.Proto != protoESP {
		return nil, nil
	}
	return Mapping{
		ID:    ID{unpackAddr(info.ID.Dst), unpackSPI(info.ID.SPI)},
		ReqID: info.ReqID,
		Old:   netip.AddrPortFrom(unpackAddr(info.OldSrc), unpackPort(info.OldPort)),
		New:   netip.AddrPortFrom(unpackAddr(info.NewSrc), unpackPort(info.NewPort)),
	}, nil
}
