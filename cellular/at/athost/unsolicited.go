package athost

import (
	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// telling are the lines by which modems tell of changes unasked.
var telling = map[string]modem.Event{
	"+CREG": modem.RegistrationChanged, "+CGREG": modem.RegistrationChanged, "+CEREG": modem.RegistrationChanged, "+C5GREG": modem.RegistrationChanged,
	"^MODE": modem.RegistrationChanged, "^SRVST": modem.RegistrationChanged, "^SYSINFO": modem.RegistrationChanged,
	"+CPIN": modem.SIMChanged, "^SIMST": modem.SIMChanged, "+QUSIM": modem.SIMChanged, "+QSIMSTAT": modem.SIMChanged,
	"#QSS": modem.SIMChanged, "+UUSIMSTAT": modem.SIMChanged, "+SIMCARD": modem.SIMChanged,
	"+CFUN": modem.RadioChanged, "^RFSWITCH": modem.RadioChanged,
	"^RSSI": modem.SignalChanged, "^HCSQ": modem.SignalChanged, "+CSQ": modem.SignalChanged, "+CIEV": modem.SignalChanged,
	"^NDISSTAT": modem.ConnectionChanged, "+QNETDEVSTATUS": modem.ConnectionChanged, "+QNETDEVCTL": modem.ConnectionChanged,
	"+QIURC": modem.ConnectionChanged, "*ENAP": modem.ConnectionChanged, "!SCACT": modem.ConnectionChanged, "#ECMURC": modem.ConnectionChanged,
	"+ZCONSTAT": modem.ConnectionChanged, "+UUPSDA": modem.ConnectionChanged, "+UUPSDD": modem.ConnectionChanged,
}

// everything has changed when a modem has started again.
const everything = modem.SIMChanged | modem.RadioChanged | modem.RegistrationChanged | modem.ConnectionChanged | modem.SignalChanged

// started are the lines of modems that have just started.
var started = map[string]bool{"RDY": true, "APP RDY": true, "^SYSSTART": true, "+PBREADY": true, "*ATREADY": true, "+SIM READY": true}

// unsolicited takes a line that answers nothing. It is called by the reader of the
// port, beside all else.
func (h *Host) unsolicited(line string) {
	name, rest := at.Split(line)
	if started[line] || started[name] {
		h.restarted.Store(true)
		h.bell.Ring(everything)
		return
	}
	switch name {
	case "+CGEV":
		switch at.ParseContextEvent(rest) {
		case at.Detached:
			h.bell.Ring(modem.RegistrationChanged | modem.ConnectionChanged)
		case at.Activated, at.Deactivated, at.Modified:
			h.bell.Ring(modem.ConnectionChanged)
		}
		return
	case "^NDISSTAT":
		h.pathEnded(rest)
	}
	event := telling[name]
	if event == modem.RegistrationChanged {
		event |= modem.SignalChanged // another cell is heard otherwise, of which few modems tell
	}
	if event != 0 {
		h.bell.Ring(event)
	}
}

// pathEnded keeps the cause of Huawei's ^NDISSTAT: 0,33,,"IPV4", which follows an OK.
func (h *Host) pathEnded(text string) {
	p, err := at.ParseParams(text)
	if err != nil {
		return
	}
	state, known := p.Int(0)
	cause, given := p.Int(1)
	if known && state == 0 && given && cause > 0 && cause <= 0xff {
		h.end.Store(&ending{modem.SessionCause(cause)})
	}
}
