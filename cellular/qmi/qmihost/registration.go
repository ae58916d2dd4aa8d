package qmihost

import (
	"context"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Registration says which network serves the modem, or why none does.
func (m *Modem) Registration(ctx context.Context) (modem.Registration, error) {
	var serving qmi.GetServingSystemResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetServingSystemRequest{}, &serving); err != nil {
		return modem.Registration{}, err
	}
	r := registrationOf(serving.System)
	var system qmi.GetSystemResponse
	if err := exceptNo(m.ask(ctx, answerLimit, &qmi.GetSystemRequest{}, &system)); err != nil {
		return modem.Registration{}, err
	}
	addSystem(&r, system.System)
	m.addCause(&r, system.System)
	if !r.Registered() {
		return r, nil
	}
	var bands qmi.GetBandsResponse
	if err := exceptNo(m.ask(ctx, answerLimit, &qmi.GetBandsRequest{}, &bands)); err != nil {
		return modem.Registration{}, err
	}
	addBands(&r, bands)
	return r, nil
}

// registrationOf returns what the serving system says.
func registrationOf(s qmi.ServingSystem) modem.Registration {
	r := modem.Registration{Attached: s.Network.PS == qmi.Attached, Technology: technologyOf(s.Network.Radios)}
	switch s.Network.State {
	case qmi.Registered:
		r.State = modem.Home
		if s.Roaming != nil && *s.Roaming != qmi.Home {
			r.State = modem.Roaming
		}
	case qmi.Searching:
		r.State = modem.Searching
	case qmi.RegistrationDenied:
		r.State = modem.Denied
	}
	if s.PLMN != nil {
		network := qmi.MNCDigits{MCC: s.PLMN.MCC, MNC: s.PLMN.MNC, Three: s.PLMN.MNC > 99}
		if d := s.MNCDigits; d != nil && d.MCC == network.MCC && d.MNC == network.MNC {
			network.Three = d.Three
		}
		r.PLMN, r.Operator = network.String(), s.PLMN.Name
	}
	if s.Cell != nil {
		r.Cell = uint64(*s.Cell)
	}
	switch {
	case s.TAC != nil && r.Technology >= modem.LTE:
		r.Area = uint32(*s.TAC)
	case s.LAC != nil:
		r.Area = uint32(*s.LAC)
	}
	return r
}

// technologyOf returns the newest of radios, or the two of which one needs the
// other.
func technologyOf(radios []qmi.RadioInterface) modem.Technology {
	has := func(radio qmi.RadioInterface) bool { return slices.Contains(radios, radio) }
	switch {
	case has(qmi.RadioLTE) && has(qmi.RadioNR5G):
		return modem.NSA
	case has(qmi.RadioNR5G):
		return modem.NR
	case has(qmi.RadioLTE):
		return modem.LTE
	case has(qmi.RadioUMTS):
		return modem.UMTS
	case has(qmi.RadioGSM):
		return modem.GSM
	}
	return modem.UnknownTechnology
}

// addSystem adds what the radio interface in use says more of its network.
func addSystem(r *modem.Registration, s qmi.System) {
	if !r.Registered() {
		return
	}
	system := map[modem.Technology]*qmi.RadioSystem{
		modem.GSM: s.GSMSystem, modem.UMTS: s.WCDMASystem, modem.LTE: s.LTESystem, modem.NSA: s.LTESystem, modem.NR: s.NR5GSystem,
	}[r.Technology]
	if system == nil {
		return
	}
	if d := system.Domain; d != nil && (*d == qmi.DomainPS || *d == qmi.DomainBoth) {
		r.Attached = true
	}
	if n := system.Network; n != nil && len(n.MCC) == 3 && len(n.MNC) >= 2 {
		r.PLMN = n.MCC + n.MNC
	}
	if system.Cell != nil {
		r.Cell = uint64(*system.Cell)
	}
	switch {
	case r.Technology == modem.NR && s.NR5GTAC != nil:
		r.Area = *s.NR5GTAC
	case r.Technology >= modem.LTE && system.TAC != nil:
		r.Area = uint32(*system.TAC)
	case r.Technology < modem.LTE && system.LAC != nil:
		r.Area = uint32(*system.LAC)
	}
}

// addCause adds why a network has said no, which is of the past once one serves
// the modem.
func (m *Modem) addCause(r *modem.Registration, s qmi.System) {
	if r.Registered() {
		m.rejected.Store(0)
		return
	}
	r.Cause = modem.RejectCause(m.rejected.Load())
	for _, system := range []*qmi.RadioSystem{s.GSMSystem, s.WCDMASystem, s.LTESystem, s.NR5GSystem} {
		if system != nil && system.Reject != nil && system.Reject.Cause != 0 {
			r.Cause = system.Reject.Cause // the newest technology's is the last
		}
	}
}

// addBands adds the band in use, of 5G beside LTE that of LTE. The modem lists both
// of them only while it uses both.
func addBands(r *modem.Registration, b qmi.GetBandsResponse) {
	bands := make(map[qmi.RadioInterface]qmi.WideBand)
	for _, band := range b.Bands {
		bands[band.Radio] = qmi.WideBand{Radio: band.Radio, Band: band.Band, Channel: uint32(band.Channel)}
	}
	if b.Wide != nil {
		for _, band := range *b.Wide {
			bands[band.Radio] = band
		}
	}
	_, lte := bands[qmi.RadioLTE]
	_, nr := bands[qmi.RadioNR5G]
	if r.Technology == modem.LTE && lte && nr {
		r.Technology = modem.NSA
	}
	radio := map[modem.Technology]qmi.RadioInterface{
		modem.GSM: qmi.RadioGSM, modem.UMTS: qmi.RadioUMTS, modem.LTE: qmi.RadioLTE, modem.NSA: qmi.RadioLTE, modem.NR: qmi.RadioNR5G,
	}[r.Technology]
	band, ok := bands[radio]
	if !ok {
		return
	}
	r.Band, r.Channel = qmi.BandName(band.Band), band.Channel
	if r.Band == "" {
		r.Band = fmt.Sprintf("band class %d", band.Band)
	}
}
