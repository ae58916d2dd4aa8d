package qmihost

import (
	"context"
	"fmt"
	"strconv"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Select says which network and technologies to register with. What is selected
// already is not selected again, as that would cost the registration.
func (m *Modem) Select(ctx context.Context, s modem.Selection) error {
	want, err := m.selection(ctx, s)
	if err != nil {
		return err
	}
	var now qmi.GetSelectionResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetSelectionRequest{}, &now); err == nil && selects(now, want) {
		return nil
	} else if err := exceptNo(err); err != nil {
		return err
	}
	return m.ask(ctx, registerLimit, &want, &qmi.SetSelectionResponse{})
}

// selection returns s in QMI's terms.
func (m *Modem) selection(ctx context.Context, s modem.Selection) (qmi.SetSelectionRequest, error) {
	r := qmi.SetSelectionRequest{Network: &qmi.NetworkSelection{Mode: qmi.SelectAutomatic}, Duration: new(qmi.Permanent)}
	if s.PLMN != "" {
		network, err := networkOf(s.PLMN)
		if err != nil {
			return r, err
		}
		r.Network = &qmi.NetworkSelection{Mode: qmi.SelectManual, MCC: network.MCC, MNC: network.MNC}
		r.ThreeDigits = &network.Three
	}
	radios, err := m.radios(ctx, s.Technologies)
	if radios != 0 {
		r.Radios = &radios
	}
	return r, err
}

// networkOf reads the number of a network.
func networkOf(plmn string) (qmi.MNCDigits, error) {
	const mccDigits = 3
	number, err := strconv.ParseUint(plmn, 10, 32)
	if err != nil || len(plmn) != mccDigits+2 && len(plmn) != mccDigits+3 {
		return qmi.MNCDigits{}, fmt.Errorf("%q is not the number of a network", plmn)
	}
	if len(plmn) == mccDigits+3 {
		return qmi.MNCDigits{MCC: uint16(number / 1000), MNC: uint16(number % 1000), Three: true}, nil
	}
	return qmi.MNCDigits{MCC: uint16(number / 100), MNC: uint16(number % 100)}, nil
}

// radios returns the set of technologies, of those that the modem has if there are
// none; 0 if it does not tell which those are.
func (m *Modem) radios(ctx context.Context, technologies []modem.Technology) (qmi.Radios, error) {
	var set qmi.Radios
	for _, t := range technologies {
		switch t {
		case modem.GSM:
			set |= qmi.UseGSM
		case modem.UMTS:
			set |= qmi.UseUMTS
		case modem.LTE:
			set |= qmi.UseLTE
		case modem.NSA:
			set |= qmi.UseLTE | qmi.UseNR5G
		case modem.NR:
			set |= qmi.UseNR5G
		}
	}
	if len(technologies) > 0 {
		return set, nil
	}
	var can qmi.GetCapabilitiesResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetCapabilitiesRequest{}, &can); err != nil {
		return 0, exceptNo(err)
	}
	for _, radio := range can.Capabilities.Radios {
		switch radio {
		case qmi.RadioGSM:
			set |= qmi.UseGSM
		case qmi.RadioUMTS:
			set |= qmi.UseUMTS
		case qmi.RadioLTE:
			set |= qmi.UseLTE
		case qmi.RadioNR5G:
			set |= qmi.UseNR5G
		}
	}
	return set, nil
}

// spoken are the technologies that a Selection can name; a modem may have others.
const spoken = qmi.UseGSM | qmi.UseUMTS | qmi.UseLTE | qmi.UseNR5G

// selects reports whether now is what want asks for.
func selects(now qmi.GetSelectionResponse, want qmi.SetSelectionRequest) bool {
	if now.Mode == nil || *now.Mode != want.Network.Mode {
		return false
	}
	if want.Radios != nil && (now.Radios == nil || *now.Radios&spoken != *want.Radios) {
		return false
	}
	if want.Network.Mode == qmi.SelectAutomatic {
		return true
	}
	return now.Network != nil && *now.Network == qmi.MNCDigits{MCC: want.Network.MCC, MNC: want.Network.MNC, Three: *want.ThreeDigits}
}

// Attach asks for packet service.
func (m *Modem) Attach(ctx context.Context) error {
	request := &qmi.SetPacketAttachRequest{Action: new(qmi.AttachPackets)}
	return exceptDone(m.ask(ctx, registerLimit, request, &qmi.SetPacketAttachResponse{}))
}
