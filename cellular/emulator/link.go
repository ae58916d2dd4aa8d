package emulator

import (
	"encoding/binary"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// Spoil is what becomes of one message of the modem on its way to the host; of an
// MBIM message in fragments, of one of these. The zero Spoil leaves it as it is.
type Spoil struct {
	Drop  bool `json:"drop,omitempty"`
	Twice bool `json:"twice,omitempty"`
	// Cut is how many octets are missing at the end.
	Cut int `json:"cut,omitempty"`
	// Delay makes it late. Those after it do not wait for it.
	Delay virtual.Duration `json:"delay,omitempty"`
	// Behind has it come behind the one after it.
	Behind bool `json:"behind,omitempty"`
	// Stale has it bear the transaction before its own.
	Stale bool `json:"stale,omitempty"`
}

// link is the way between a protocol's side of the modem and a front end, on which
// messages may suffer. It is used inside of the modem's Do.
type link struct {
	modem *virtual.Modem
	// transaction is where in a message the low octet of its transaction is, before
	// which there may be nothing to be stale.
	transaction func(message []byte) int
	// out takes messages to the host. It does not wait.
	out    func(message []byte)
	hung   bool
	spoils []Spoil
	held   []byte // the message that comes behind the next one
}

// send takes a message of the modem to the host.
func (l *link) send(message []byte) {
	if l.hung {
		return
	}
	var spoil Spoil
	if len(l.spoils) > 0 {
		spoil, l.spoils = l.spoils[0], l.spoils[1:]
	}
	if at := l.transaction(message); spoil.Stale && at > 0 && message[at] > 0 {
		message[at]--
	}
	message = message[:max(0, len(message)-spoil.Cut)]
	switch {
	case spoil.Drop:
	case spoil.Behind:
		l.held = message
		return
	case spoil.Delay > 0:
		l.modem.After(time.Duration(spoil.Delay), func() { l.out(message) })
	case spoil.Twice:
		l.out(message)
		l.out(append([]byte(nil), message...))
	default:
		l.out(message)
	}
	if l.held != nil {
		held := l.held
		l.held = nil
		l.out(held)
	}
}

// mbimTransaction is where the transaction of an MBIM message is, 0 if it has none.
func mbimTransaction(message []byte) int {
	const at = 8
	if len(message) < at+4 || binary.LittleEndian.Uint32(message[at:]) == 0 {
		return 0
	}
	return at
}

// qmiTransaction is where the transaction of a QMI message is. That of CTL is one
// octet, all others are two, but in the same place.
func qmiTransaction(message []byte) int {
	const at = 7
	if len(message) <= at {
		return 0
	}
	return at
}
