package mbimhost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Signal says how well the network is heard.
func (m *Modem) Signal(ctx context.Context) (modem.Signal, error) {
	var state mbim.SignalState
	if err := m.query(ctx, mbim.CmdSignalState, &state); err != nil {
		return modem.Signal{}, err
	}
	var s modem.Signal
	if dBm, known := state.RSSI.DBm(); known {
		s.RSSI = new(float64(dBm))
	}
	for _, t := range state.Technologies {
		// LTE's, if 5G is heard beside it: that one holds the registration.
		if s.RSRP != nil && t.SystemType&mbim.DataClassLTE == 0 {
			continue
		}
		if dBm, known := t.RSRP.DBm(); known {
			s.RSRP = new(float64(dBm))
		}
		if dB, known := t.SNR.DB(); known {
			s.SINR = new(dB)
		}
	}
	cells, err := m.cells(ctx)
	if err != nil {
		return modem.Signal{}, err
	}
	if cell := cells.LTE; cell != nil {
		if knownSignal(cell.RSRQ) {
			s.RSRQ = new(float64(cell.RSRQ))
		}
		if s.RSRP == nil && knownSignal(cell.RSRP) {
			s.RSRP = new(float64(cell.RSRP))
		}
	}
	return s, nil
}

// knownSignal reports whether a cell's RSRP or RSRQ is known. Both are below what
// says that they are not; some modems say 0.
func knownSignal(v int32) bool { return v < mbim.UnknownCellSignal }
