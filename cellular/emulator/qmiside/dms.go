package qmiside

import (
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func (s *Side) dms(c *client, request qmi.Body) qmi.Body {
	device := s.modem.Device()
	switch r := request.(type) {
	case *qmi.GetCapabilitiesRequest:
		const eitherAtATime, hasSIM = 4, 2
		return &qmi.GetCapabilitiesResponse{Capabilities: qmi.Capabilities{
			MaxUp: 50_000_000, MaxDown: 150_000_000, Data: eitherAtATime, SIM: hasSIM,
			Radios: []qmi.RadioInterface{qmi.RadioGSM, qmi.RadioUMTS, qmi.RadioLTE},
		}}
	case *qmi.GetManufacturerRequest:
		return &qmi.GetManufacturerResponse{Manufacturer: device.Manufacturer}
	case *qmi.GetModelRequest:
		return &qmi.GetModelResponse{Model: device.Model}
	case *qmi.GetRevisionRequest:
		return &qmi.GetRevisionResponse{Revision: device.Firmware}
	case *qmi.GetIDsRequest:
		return &qmi.GetIDsResponse{ESN: new("0"), IMEI: &device.IMEI, MEID: new("0"), SoftwareVersion: new("01")}
	case *qmi.GetOperatingModeRequest:
		return &qmi.GetOperatingModeResponse{Mode: s.mode(), HardwareRestricted: new(!s.modem.Radio().Hardware)}
	case *qmi.SetOperatingModeRequest:
		return &qmi.SetOperatingModeResponse{Result: no(s.setMode(r.Mode))}
	case *qmi.AuthenticateRequest:
		s.modem.Authenticate()
		return &qmi.AuthenticateResponse{}
	case *qmi.SetDeviceEventsRequest:
		if r.OperatingMode != nil {
			c.modes = *r.OperatingMode
		}
		return &qmi.SetDeviceEventsResponse{}
	}
	return s.dmsSIM(request)
}

func (s *Side) mode() qmi.OperatingMode {
	switch radio := s.modem.Radio(); {
	case s.offline:
		return qmi.ModeOffline
	case radio.On():
		return qmi.ModeOnline
	}
	return qmi.ModeLowPower
}

func (s *Side) setMode(mode qmi.OperatingMode) qmi.ErrorCode {
	if s.offline && mode != qmi.ModeResetting {
		return qmi.ErrInvalidTransition
	}
	switch mode {
	case qmi.ModeOnline:
		if !s.modem.Radio().Hardware {
			return qmi.ErrHardwareRestricted
		}
		if s.modem.SetRadio(true) != nil {
			return qmi.ErrInvalidTransition
		}
	case qmi.ModeLowPower, qmi.ModePersistentLowPower:
		_ = s.modem.SetRadio(false) // which it always can
	case qmi.ModeOffline:
		s.offline = true
		_ = s.modem.SetRadio(false)
	case qmi.ModeResetting:
		if !s.offline {
			return qmi.ErrInvalidTransition
		}
		s.modem.Restart()
	default:
		return qmi.ErrInvalidTransition
	}
	return qmi.Success
}

func (s *Side) tellMode() {
	mode := s.mode()
	s.tellAll(qmi.DMS, func(c *client) bool { return c.modes }, &qmi.DeviceEventIndication{OperatingMode: &mode})
}

// technologies are those that a set of radios allows, none for all.
func technologies(radios qmi.Radios) []modem.Technology {
	var allowed []modem.Technology
	for _, r := range []struct {
		bit          qmi.Radios
		technologies []modem.Technology
	}{
		{qmi.UseGSM, []modem.Technology{modem.GSM}}, {qmi.UseUMTS, []modem.Technology{modem.UMTS}},
		{qmi.UseLTE, []modem.Technology{modem.LTE, modem.NSA}}, {qmi.UseNR5G, []modem.Technology{modem.NR}},
	} {
		if radios&r.bit != 0 {
			allowed = append(allowed, r.technologies...)
		}
	}
	return allowed
}

// radiosOf is the reverse of technologies.
func radiosOf(allowed []modem.Technology) (radios qmi.Radios) {
	for _, bit := range []qmi.Radios{qmi.UseGSM, qmi.UseUMTS, qmi.UseLTE} {
		if len(allowed) == 0 || slices.Contains(allowed, technologies(bit)[0]) {
			radios |= bit
		}
	}
	return radios
}
