package athost

import (
	"context"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Signal says how well the network is heard: by the standard's commands, and what
// those do not have by the maker's.
func (h *Host) Signal(ctx context.Context) (modem.Signal, error) {
	var s modem.Signal
	p, err := h.readOne(ctx, "+CESQ", "+CESQ")
	if fatal(err) {
		return s, err
	}
	s = at.Signal(p)
	if question := h.maker.signal; question != "" {
		p, err := h.readOne(ctx, question, strings.TrimSuffix(question, "?"))
		if err == nil {
			s = complete(s, h.maker.signalOf(p))
		} else if fatal(err) {
			return s, err
		}
	}
	if s.RSSI == nil {
		p, err := h.readOne(ctx, "+CSQ", "+CSQ")
		if err != nil {
			return s, err
		}
		s.RSSI = at.RSSI(p)
	}
	return s, nil
}

// complete returns s with what it lacks of other.
func complete(s, other modem.Signal) modem.Signal {
	for _, v := range []struct{ to, from **float64 }{
		{&s.RSSI, &other.RSSI}, {&s.RSRP, &other.RSRP}, {&s.RSRQ, &other.RSRQ}, {&s.SINR, &other.SINR},
	} {
		if *v.to == nil {
			*v.to = *v.from
		}
	}
	return s
}

// quectelSignal reads +QCSQ (EC2x AT Commands Manual): RSSI and RSRP in dBm, the
// SINR in fifths of a dB from -20 dB on, RSRQ in dB.
func quectelSignal(p at.Params) modem.Signal {
	var s modem.Signal
	if n, ok := p.Int(1); ok && p.Text(0) != "NOSERVICE" {
		s.RSSI = new(float64(n))
	}
	if !strings.HasPrefix(p.Text(0), "LTE") && p.Text(0) != "CAT-M1" && p.Text(0) != "eMTC" {
		return s
	}
	if n, ok := p.Int(2); ok {
		s.RSRP = new(float64(n))
	}
	if n, ok := p.Int(3); ok && n >= 0 && n <= 250 {
		s.SINR = new(float64(n)/5 - 20)
	}
	if n, ok := p.Int(4); ok {
		s.RSRQ = new(float64(n))
	}
	return s
}

// huaweiSignal reads ^HCSQ (ME909s AT Command Interface Specification): RSSI from
// -121 dBm and RSRP from -141 dBm on, the SINR in fifths of a dB from -20.2 dB on,
// RSRQ in halves of a dB from -20 dB on; 255 is unknown.
func huaweiSignal(p at.Params) modem.Signal {
	var s modem.Signal
	if n, ok := p.Int(1); ok && n != 255 {
		s.RSSI = new(float64(n) - 121)
	}
	if p.Text(0) != "LTE" {
		return s
	}
	if n, ok := p.Int(2); ok && n != 255 {
		s.RSRP = new(float64(n) - 141)
	}
	if n, ok := p.Int(3); ok && n != 255 {
		s.SINR = new(float64(n*2-202) / 10)
	}
	if n, ok := p.Int(4); ok && n != 255 {
		s.RSRQ = new(float64(n)/2 - 20)
	}
	return s
}

// quectelServing reads +QNWINFO: "FDD LTE","26201","LTE BAND 3",1300, and of 5G
// "NR5G BAND 78".
func quectelServing(p at.Params) (band string, channel uint32) {
	name := p.Text(2)
	if _, number, found := strings.Cut(name, "BAND "); found && digits(number) {
		if strings.HasPrefix(name, "NR") {
			band = "n" + number
		} else {
			band = "B" + number
		}
	}
	if n, ok := p.Int(3); ok && n > 0 && n < 1<<22 {
		channel = uint32(n)
	}
	return band, channel
}
