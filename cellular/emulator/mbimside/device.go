package mbimside

import (
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// What the modem reaches in LTE, in bit/s.
const (
	uplinkSpeed   = 50_000_000
	downlinkSpeed = 150_000_000
)

const dataClasses = mbim.DataClassGPRS | mbim.DataClassEDGE | mbim.DataClassUMTS | mbim.DataClassHSDPA | mbim.DataClassHSUPA | mbim.DataClassLTE

func (s *Side) caps() *mbim.DeviceCaps {
	d := s.modem.Device()
	return &mbim.DeviceCaps{
		DeviceType: mbim.DeviceTypeEmbedded, CellularClass: mbim.CellularClassGSM, VoiceClass: mbim.VoiceClassNoVoice,
		SIMClass: mbim.SIMClassRemovable, DataClass: dataClasses, CtrlCaps: mbim.CtrlCapsRegManual | mbim.CtrlCapsSIMHotSwapCapable,
		MaxSessions: uint32(d.Sessions), DeviceID: d.IMEI, FirmwareInfo: d.Firmware, HardwareInfo: d.Model,
	}
}

func (s *Side) radio(request mbim.Body) *reply {
	if r, set := request.(*mbim.RadioSwitch); set {
		if err := s.modem.SetRadio(r.On); err != nil {
			return no(mbim.StatusOperationNotAllowed)
		}
	}
	return ok(s.radioState())
}

// makersRadio is the maker's own switch, which a host must turn that is to be known
// to a modem with a lock. Nothing but a restart makes it unknown again.
func (s *Side) makersRadio(request mbim.Body) *reply {
	r, set := request.(*mbim.QuectelRadio)
	switch {
	case set && r.State == mbim.QuectelRadioSwitchStateOn:
		s.modem.Authenticate()
		if err := s.modem.SetRadio(true); err != nil {
			return no(mbim.StatusFailure)
		}
	case set && r.State == mbim.QuectelRadioSwitchStateOff:
		if err := s.modem.SetRadio(false); err != nil {
			return no(mbim.StatusFailure)
		}
	case set:
		return no(mbim.StatusInvalidParameters)
	}
	switch {
	case s.modem.Radio().Software:
		return ok(&mbim.QuectelRadio{State: mbim.QuectelRadioSwitchStateOn})
	case s.modem.Locked():
		return ok(&mbim.QuectelRadio{State: mbim.QuectelRadioSwitchStateFCCLocked})
	}
	return ok(&mbim.QuectelRadio{State: mbim.QuectelRadioSwitchStateOff})
}

func (s *Side) radioState() *mbim.RadioState {
	r := s.modem.Radio()
	return &mbim.RadioState{Hardware: r.Hardware, Software: r.Software}
}

// dataClass is MBIM's bit of a technology.
func dataClass(t modem.Technology) mbim.DataClass {
	switch t {
	case modem.GSM:
		return mbim.DataClassEDGE
	case modem.UMTS:
		return mbim.DataClassHSDPA | mbim.DataClassHSUPA
	case modem.LTE:
		return mbim.DataClassLTE
	case modem.NSA:
		return mbim.DataClassLTE | mbim.DataClass5GNSA
	case modem.NR:
		return mbim.DataClass5GSA
	}
	return 0
}

// technologies are those that a host's classes allow, none for all.
func technologies(classes mbim.DataClass) []modem.Technology {
	var allowed []modem.Technology
	for _, t := range []struct {
		bits       mbim.DataClass
		technology modem.Technology
	}{
		{mbim.DataClassGPRS | mbim.DataClassEDGE, modem.GSM},
		{mbim.DataClassUMTS | mbim.DataClassHSDPA | mbim.DataClassHSUPA, modem.UMTS},
		{mbim.DataClassLTE, modem.LTE}, {mbim.DataClass5GNSA, modem.NSA}, {mbim.DataClass5GSA, modem.NR},
	} {
		if classes&t.bits != 0 {
			allowed = append(allowed, t.technology)
		}
	}
	return allowed
}
