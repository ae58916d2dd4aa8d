package atside

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// simError is why nothing can be had of the SIM, nil if it is ready.
func (s *Side) simError() error {
	switch s.modem.SIMState() {
	case modem.SIMReady:
		return nil
	case modem.SIMAbsent:
		return at.ErrSIMNotInserted
	case modem.SIMStarting:
		return at.ErrSIMBusy
	case modem.SIMLocked:
		return at.ErrSIMPIN
	case modem.SIMBlocked:
		return at.ErrSIMPUK
	}
	return at.ErrSIMFailure
}

// simWords are the answers to +CPIN? where there is one.
var simWords = map[modem.SIMState]string{modem.SIMReady: "READY", modem.SIMLocked: "SIM PIN", modem.SIMBlocked: "SIM PUK"}

func (s *Side) pin(r request) {
	words, said := simWords[s.modem.SIMState()]
	switch {
	case r.Form == at.Test:
		r.done(nil)
	case !said:
		r.done(s.simError())
	case r.Form == at.Read:
		r.answer(at.Bare(words))
	case r.Form == at.Set && len(r.params) == 2:
		r.done(pinResult(s.modem.UnblockPIN(r.params.Text(0), r.params.Text(1))))
	case r.Form == at.Set && len(r.params) == 1:
		if s.modem.SIMState() != modem.SIMLocked {
			r.done(at.ErrNotAllowed)
			return
		}
		r.done(pinResult(s.modem.VerifyPIN(r.params.Text(0))))
	default:
		r.wrong()
	}
}

// pinResult is what the modem says to what a card said.
func pinResult(err error) error {
	for _, v := range []struct {
		err  error
		code at.CME
	}{{virtual.ErrWrongPIN, at.ErrPassword}, {virtual.ErrPINBlocked, at.ErrSIMPUK}, {virtual.ErrPUKBlocked, at.ErrSIMFailure}, {virtual.ErrPINDisabled, at.ErrNotAllowed}} {
		if errors.Is(err, v.err) {
			return v.code
		}
	}
	if err != nil {
		return at.ErrSIMBusy
	}
	return nil
}

// attempts is +CPINR, of PIN and PUK, and u-blox's +UPINCNT, of PIN, PIN2, PUK and
// PUK2.
func (s *Side) attempts(r request) {
	card := s.modem.Card()
	switch {
	case card == nil:
		r.done(at.ErrSIMNotInserted)
	case r.Form != at.Execute:
		r.wrong()
	case r.Name == "+UPINCNT":
		r.answer(at.Int(card.PINAttempts), at.Int(3), at.Int(card.PUKAttempts), at.Int(10))
	default:
		r.done(nil, fmt.Sprintf("+CPINR: SIM PIN,%d,3", card.PINAttempts), fmt.Sprintf("+CPINR: SIM PUK,%d,10", card.PUKAttempts))
	}
}

// iccid can be had of a locked card too.
func (s *Side) iccid(r request) {
	switch s.modem.SIMState() {
	case modem.SIMAbsent, modem.SIMStarting:
		r.done(s.simError())
		return
	}
	r.answer(at.Bare(s.modem.Card().ICCID))
}

func (s *Side) imsi(r request) {
	if err := s.simError(); err != nil {
		r.done(err)
		return
	}
	r.done(nil, s.modem.Card().IMSI)
}

// Status words of a card (ETSI TS 102 221, 10.2.1).
var (
	success      = []at.Value{at.Int(0x90), at.Int(0x00)}
	wrongLength  = 0x6c
	noFile       = []at.Value{at.Int(0x6a), at.Int(0x82)}
	notPermitted = []at.Value{at.Int(0x69), at.Int(0x82)}
)

// file is +CRSM, as far as it is READ BINARY from the beginning.
func (s *Side) file(r request) {
	const readBinary = 176
	command, _ := r.params.Int(0)
	id, ok := r.params.Int(1)
	length, _ := r.params.Int(4)
	switch state := s.modem.SIMState(); {
	case state == modem.SIMAbsent || state == modem.SIMStarting:
		r.done(s.simError())
		return
	case r.Form != at.Set || command != readBinary || !ok || id < 0 || id > 0xffff:
		r.wrong()
		return
	case state != modem.SIMReady && id != virtual.FileICCID:
		r.answer(notPermitted...)
		return
	}
	content, exists := s.modem.Card().File(uint16(id))
	switch {
	case !exists:
		r.answer(noFile...)
	case length == 0 || length > len(content):
		r.answer(at.Int(wrongLength), at.Int(len(content)))
	default:
		r.answer(append(success[:2:2], at.Text(strings.ToUpper(hex.EncodeToString(content[:length]))))...)
	}
}

// slot is Quectel's +QUIMSLOT.
func (s *Side) slot(r request) {
	active, cards := s.modem.Slot()
	switch n, ok := r.params.Int(0); {
	case r.Form == at.Read:
		r.answer(at.Int(active + 1))
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare(fmt.Sprintf("1-%d", len(cards)))))
	case r.Form == at.Set && ok && s.modem.UseSlot(n-1) == nil:
		r.done(nil)
	default:
		r.wrong()
	}
}
