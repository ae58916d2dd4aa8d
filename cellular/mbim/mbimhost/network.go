package mbimhost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Radio says whether the modem may send.
func (m *Modem) Radio(ctx context.Context) (modem.Radio, error) {
	var state mbim.RadioState
	err := m.query(ctx, mbim.CmdRadioState, &state)
	return modem.Radio{Hardware: state.Hardware, Software: state.Software}, err
}

// SetRadio lets the modem send or not. If it stays off, whether or not the modem
// says so, its maker may have tied it to a make of host; it is switched once more
// when that is undone.
func (m *Modem) SetRadio(ctx context.Context, on bool) error {
	err := m.set(ctx, &mbim.RadioSwitch{On: on})
	if !on || m.unlocked || unlessRefused(err) != nil {
		return err
	}
	radio, asked := m.Radio(ctx)
	if asked != nil || radio.Software || !radio.Hardware {
		return err
	}
	m.unlocked = true
	if err := m.unlock(ctx); err != nil {
		return err
	}
	return m.set(ctx, &mbim.RadioSwitch{On: on})
}

// dataClasses are the technologies that make up a generation.
var dataClasses = map[modem.Technology]mbim.DataClass{
	modem.GSM:  mbim.DataClassGPRS | mbim.DataClassEDGE,
	modem.UMTS: mbim.DataClassUMTS | mbim.DataClassHSDPA | mbim.DataClassHSUPA,
	modem.LTE:  mbim.DataClassLTE,
	modem.NSA:  mbim.DataClassLTE | mbim.DataClass5GNSA,
	modem.NR:   mbim.DataClass5GSA,
}

// technologyOf returns the best generation in a set of technologies.
func technologyOf(classes mbim.DataClass) modem.Technology {
	for _, t := range []modem.Technology{modem.NR, modem.NSA, modem.LTE, modem.UMTS, modem.GSM} {
		own := dataClasses[t]
		if t == modem.NSA {
			own = mbim.DataClass5GNSA
		}
		if classes&own != 0 {
			return t
		}
	}
	return modem.UnknownTechnology
}

// Select says which network and technologies to register with. A modem that
// chooses by itself already is left alone: it may register anew when told again.
func (m *Modem) Select(ctx context.Context, s modem.Selection) error {
	var now mbim.Registration
	if err := m.query(ctx, mbim.CmdRegisterState, &now); err != nil {
		return err
	}
	free := modem.Selection{}
	if s.Equal(free) && m.selected.Equal(free) && now.Mode == mbim.RegisterModeAutomatic {
		return nil
	}
	request := mbim.Register{ProviderID: s.PLMN}
	if s.PLMN != "" {
		request.Action = mbim.RegisterActionManual
	}
	for _, t := range s.Technologies {
		request.DataClass |= dataClasses[t]
	}
	if err := m.set(ctx, &request); err != nil {
		return err
	}
	m.selected = s
	return nil
}

// Attach asks for packet service where the modem does not by itself.
func (m *Modem) Attach(ctx context.Context) error {
	var service mbim.PacketService
	if err := m.query(ctx, mbim.CmdPacketService, &service); err != nil {
		return err
	}
	if service.State == mbim.PacketServiceStateAttached || service.State == mbim.PacketServiceStateAttaching {
		return nil
	}
	service = mbim.PacketService{}
	err := m.do(ctx, mbim.Set, &mbim.AttachPacketService{Action: mbim.PacketServiceActionAttach}, &service)
	if err != nil && service.NwError != 0 {
		return modem.Refusal{Reason: rejectCause(service.NwError).String()}
	}
	return err
}

// rejectCause is the network's cause for not letting the modem register, as far as
// it is one of 3GPP's.
func rejectCause(e mbim.NwError) modem.RejectCause {
	if e > 0xff {
		return 0
	}
	return modem.RejectCause(e)
}
