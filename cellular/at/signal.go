package at

import (
	"math"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Signal reads the parameters of +CESQ (3GPP TS 27.007, 8.69). Of each range it
// takes the lower end. NR comes before LTE, and LTE before UMTS and GSM.
func Signal(p Params) modem.Signal {
	var s modem.Signal
	if n, ok := within(p, 0, 63); ok {
		s.RSSI = new(float64(n) - 111)
	}
	if n, ok := within(p, 2, 96); ok {
		s.RSSI = new(float64(n) - 121) // RSCP, the nearest that UMTS has
	}
	if n, ok := within(p, 4, 34); ok {
		s.RSRQ = new(float64(n)/2 - 20)
	}
	if n, ok := within(p, 5, 97); ok {
		s.RSRP = new(float64(n) - 141)
	}
	if n, ok := within(p, 6, 126); ok {
		s.RSRQ = new(float64(n)/2 - 43.5)
	}
	if n, ok := within(p, 7, 126); ok {
		s.RSRP = new(float64(n) - 157)
	}
	if n, ok := within(p, 8, 127); ok {
		s.SINR = new(float64(n)/2 - 23.5)
	}
	return s
}

// RSSI reads the first parameter of +CSQ (3GPP TS 27.007, 8.5) in dBm, nil if it is
// not known.
func RSSI(p Params) *float64 {
	if n, ok := within(p, 0, 31); ok {
		return new(float64(n)*2 - 113)
	}
	return nil
}

// within returns the parameter of the given index if it is a number from 0 to most.
// Others, 99 and 255 by the standard, say that it is not known.
func within(p Params, i, most int) (int, bool) {
	n, ok := p.Int(i)
	return n, ok && n >= 0 && n <= most
}

// SignalParams writes the parameters of +CESQ that Signal reads, of a network of
// technology t.
func SignalParams(s modem.Signal, t modem.Technology) Params {
	p := Params{Int(99), Int(99), Int(255), Int(255), Int(255), Int(255)}
	put := func(i int, v *float64, low, step float64, most int) {
		if v != nil {
			p[i] = Int(min(max(int(math.Round((*v-low)/step)), 0), most))
		}
	}
	switch t {
	case modem.GSM:
		put(0, s.RSSI, -111, 1, 63)
	case modem.UMTS:
		put(2, s.RSSI, -121, 1, 96)
	case modem.LTE, modem.NSA:
		put(4, s.RSRQ, -20, 0.5, 34)
		put(5, s.RSRP, -141, 1, 97)
	case modem.NR:
		p = append(p, Int(255), Int(255), Int(255))
		put(6, s.RSRQ, -43.5, 0.5, 126)
		put(7, s.RSRP, -157, 1, 126)
		put(8, s.SINR, -23.5, 0.5, 127)
	}
	return p
}

// RSSIParams writes the parameters of +CSQ.
func RSSIParams(s modem.Signal) Params {
	if s.RSSI == nil {
		return Params{Int(99), Int(99)}
	}
	return Params{Int(min(max(int(math.Round((*s.RSSI+113)/2)), 0), 31)), Int(99)}
}
