package qmihost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Signal says how well the network is heard, by the newest technology in use. Of
// 5G beside LTE that is LTE, which everything hangs on.
func (m *Modem) Signal(ctx context.Context) (modem.Signal, error) {
	var got qmi.GetSignalResponse
	err := m.ask(ctx, answerLimit, &qmi.GetSignalRequest{}, &got)
	if code, refused := qmi.Refused(err); refused && code == qmi.ErrInfoUnavailable {
		return modem.Signal{}, nil
	}
	if err != nil {
		return modem.Signal{}, err
	}
	return signalOf(got.Signal), nil
}

func signalOf(s qmi.Signal) modem.Signal {
	switch {
	case s.LTE != nil:
		return modem.Signal{
			RSSI: level(s.LTE.RSSI), RSRP: level(s.LTE.RSRP), RSRQ: level(s.LTE.RSRQ), SINR: tenths(s.LTE.SNR),
		}
	case s.NR5G != nil:
		signal := modem.Signal{RSRP: level(s.NR5G.RSRP), SINR: tenths(s.NR5G.SNR)}
		if s.NR5GRSRQ != nil {
			signal.RSRQ = level(*s.NR5GRSRQ)
		}
		return signal
	case s.WCDMA != nil:
		return modem.Signal{RSSI: level(s.WCDMA.RSSI)}
	case s.GSM != nil:
		return modem.Signal{RSSI: level(*s.GSM)}
	}
	return modem.Signal{}
}

// unmeasured is what a modem writes for a level of two octets that it has none of;
// it is also the lowest there is.
const unmeasured = -0x8000

// level returns v unless it stands for none.
func level[T int8 | int16](v T) *float64 {
	if int(v) == unmeasured {
		return nil
	}
	return new(float64(v))
}

// tenths returns a number of tenths unless it stands for none.
func tenths(v int16) *float64 {
	if v == unmeasured {
		return nil
	}
	return new(float64(v) / 10)
}
