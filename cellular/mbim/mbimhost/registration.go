package mbimhost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

var registrationStates = map[mbim.RegisterState]modem.RegistrationState{
	mbim.RegisterStateSearching: modem.Searching,
	mbim.RegisterStateHome:      modem.Home,
	mbim.RegisterStateRoaming:   modem.Roaming,
	mbim.RegisterStatePartner:   modem.Roaming,
	mbim.RegisterStateDenied:    modem.Denied,
}

// Registration says which network serves the modem, or why none does.
func (m *Modem) Registration(ctx context.Context) (modem.Registration, error) {
	var register mbim.Registration
	if err := m.query(ctx, mbim.CmdRegisterState, &register); err != nil {
		return modem.Registration{}, err
	}
	r := modem.Registration{State: registrationStates[register.State]}
	if !r.Registered() {
		r.Cause = rejectCause(register.NwError)
		return r, nil
	}
	r.PLMN, r.Operator = register.ProviderID, register.ProviderName
	var service mbim.PacketService
	if err := unlessRefused(m.query(ctx, mbim.CmdPacketService, &service)); err != nil {
		return modem.Registration{}, err
	}
	r.Attached = service.State == mbim.PacketServiceStateAttached
	r.Technology = technologyOf(service.DataClass)
	if !r.Attached {
		r.Cause = rejectCause(service.NwError)
	}
	if err := m.locate(ctx, &r); err != nil {
		return modem.Registration{}, err
	}
	return r, nil
}

// locate adds which cell serves the modem, where it can be asked.
func (m *Modem) locate(ctx context.Context, r *modem.Registration) error {
	cells, err := m.cells(ctx)
	if err != nil {
		return err
	}
	switch {
	case cells.LTE != nil:
		place(r, cells.LTE.CellID, cells.LTE.TrackingAreaCode)
		if cells.LTE.EARFCN != mbim.UnknownCell {
			r.Channel, r.Band = cells.LTE.EARFCN, bandOf(cells.LTE.EARFCN)
		}
	case cells.UMTS != nil:
		place(r, cells.UMTS.CellID, cells.UMTS.LocationAreaCode)
		if cells.UMTS.UARFCN != mbim.UnknownCell {
			r.Channel = cells.UMTS.UARFCN
		}
	case cells.GSM != nil:
		place(r, cells.GSM.CellID, cells.GSM.LocationAreaCode)
		if cells.GSM.ARFCN != mbim.UnknownCell {
			r.Channel = cells.GSM.ARFCN
		}
	}
	return nil
}

// place notes the cell and its area, if they are known.
func place(r *modem.Registration, cell, area uint32) {
	if cell != mbim.UnknownCell {
		r.Cell = uint64(cell)
	}
	if area != mbim.UnknownCell {
		r.Area = area
	}
}

// neighbours is how many cells of each technology a modem may tell of besides: what
// Microsoft has as usual. Nobody looks at them, but not all modems like to be asked
// for fewer.
const neighbours = 15

// cells asks for the serving cell. A modem that does not know the command, or has
// no answer, serves without.
func (m *Modem) cells(ctx context.Context) (mbim.BaseStations, error) {
	if !m.has(mbim.CmdBaseStationsInfo) {
		return mbim.BaseStations{}, nil
	}
	var cells mbim.BaseStations
	err := m.do(ctx, mbim.Query, &mbim.BaseStationsQuery{MaxGSM: neighbours, MaxUMTS: neighbours, MaxTDSCDMA: neighbours, MaxLTE: neighbours, MaxCDMA: neighbours}, &cells)
	return cells, unlessRefused(err)
}
