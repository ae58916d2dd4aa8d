package at

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
)

// CME is why a modem says no to a command: 3GPP TS 27.007, 9.2.
type CME uint16

// The codes that a caller does something about.
const (
	ErrPhoneFailure     CME = 0
	ErrNotAllowed       CME = 3
	ErrNotSupported     CME = 4
	ErrSIMNotInserted   CME = 10
	ErrSIMPIN           CME = 11
	ErrSIMPUK           CME = 12
	ErrSIMFailure       CME = 13
	ErrSIMBusy          CME = 14
	ErrSIMWrong         CME = 15
	ErrPassword         CME = 16
	ErrNotFound         CME = 22
	ErrNoNetwork        CME = 30
	ErrParameters       CME = 50
	ErrUnknown          CME = 100
	ErrUnspecified      CME = 148
	ErrAuthentication   CME = 149
	ErrLastPDN          CME = 171
	ErrServiceNotBooked CME = 133
	ErrUnknownAPN       CME = 127
)

// cmeWords are the codes as the standard words them, in which a modem may say
// them too (+CMEE=2). Where its editions differ, the first text is ours.
var cmeWords = map[CME]string{
	ErrPhoneFailure:     "phone failure",
	1:                   "no connection to phone",
	2:                   "phone-adaptor link reserved",
	ErrNotAllowed:       "operation not allowed",
	ErrNotSupported:     "operation not supported",
	5:                   "PH-SIM PIN required",
	6:                   "PH-FSIM PIN required",
	7:                   "PH-FSIM PUK required",
	ErrSIMNotInserted:   "SIM not inserted",
	ErrSIMPIN:           "SIM PIN required",
	ErrSIMPUK:           "SIM PUK required",
	ErrSIMFailure:       "SIM failure",
	ErrSIMBusy:          "SIM busy",
	ErrSIMWrong:         "SIM wrong",
	ErrPassword:         "incorrect password",
	17:                  "SIM PIN2 required",
	18:                  "SIM PUK2 required",
	20:                  "memory full",
	21:                  "invalid index",
	ErrNotFound:         "not found",
	23:                  "memory failure",
	24:                  "text string too long",
	25:                  "invalid characters in text string",
	26:                  "dial string too long",
	27:                  "invalid characters in dial string",
	ErrNoNetwork:        "no network service",
	31:                  "network timeout",
	32:                  "network not allowed - emergency calls only",
	40:                  "network personalization PIN required",
	41:                  "network personalization PUK required",
	42:                  "network subset personalization PIN required",
	43:                  "network subset personalization PUK required",
	44:                  "service provider personalization PIN required",
	45:                  "service provider personalization PUK required",
	46:                  "corporate personalization PIN required",
	47:                  "corporate personalization PUK required",
	48:                  "hidden key required",
	49:                  "EAP method not supported",
	ErrParameters:       "incorrect parameters",
	51:                  "command implemented but currently disabled",
	52:                  "command aborted by user",
	53:                  "not attached to network due to MT functionality restrictions",
	54:                  "modem not allowed - MT restricted to emergency calls only",
	55:                  "operation not allowed because of MT functionality restrictions",
	56:                  "fixed dial number only allowed",
	57:                  "temporarily out of service due to other MT usage",
	58:                  "language/alphabet not supported",
	59:                  "unexpected data value",
	60:                  "system failure",
	61:                  "data missing",
	62:                  "call barred",
	63:                  "message waiting indication subscription failure",
	ErrUnknown:          "unknown",
	103:                 "illegal MS",
	106:                 "illegal ME",
	107:                 "GPRS services not allowed",
	108:                 "GPRS services and non-GPRS services not allowed",
	111:                 "PLMN not allowed",
	112:                 "location area not allowed",
	113:                 "roaming not allowed in this location area",
	114:                 "GPRS services not allowed in this PLMN",
	115:                 "no suitable cells in location area",
	122:                 "congestion",
	125:                 "not authorized for this CSG",
	126:                 "insufficient resources",
	ErrUnknownAPN:       "missing or unknown APN",
	128:                 "unknown PDP address or PDP type",
	129:                 "user authentication failed",
	130:                 "activation rejected by GGSN, Serving GW or PDN GW",
	131:                 "activation rejected, unspecified",
	132:                 "service option not supported",
	ErrServiceNotBooked: "requested service option not subscribed",
	134:                 "service option temporarily out of order",
	140:                 "feature not supported",
	143:                 "unknown PDP context",
	ErrUnspecified:      "unspecified GPRS error",
	ErrAuthentication:   "PDP authentication failure",
	150:                 "invalid mobile class",
	ErrLastPDN:          "last PDN disconnection not allowed",
	177:                 "operator determined barring",
	178:                 "maximum number of bearers reached",
	179:                 "requested APN not supported in current RAT and PLMN combination",
	192:                 "PDP type IPv4 only allowed",
	193:                 "PDP type IPv6 only allowed",
	194:                 "single address bearers only allowed",
}

// Error says the code in words, with its number for whoever asks the maker.
func (e CME) Error() string {
	if words, ok := cmeWords[e]; ok {
		return fmt.Sprintf("the modem says %q (CME error %d)", words, uint16(e))
	}
	return fmt.Sprintf("the modem says CME error %d", uint16(e))
}

// Words are the standard's for e, and its number where there are none.
func (e CME) Words() string {
	if words, ok := cmeWords[e]; ok {
		return words
	}
	return strconv.Itoa(int(e))
}

// cmeOf returns the code that text is, as a number or in the standard's words.
func cmeOf(text string) (CME, bool) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return CME(n), true
	}
	return codeOfWords(text)
}

// codeOfWords returns the code that the standard words so, without regard to case
// or to the number of a cause that some modems append: "congestion (#22)".
func codeOfWords(text string) (CME, bool) {
	text, _, _ = strings.Cut(text, " (#")
	for code, words := range cmeWords {
		if strings.EqualFold(words, text) {
			return code, true
		}
	}
	return 0, false
}

// laterCauses are the codes from 171 on, which repeat causes of the network in no
// order.
var laterCauses = map[CME]modem.SessionCause{
	171: 49, 172: 95, 173: 96, 174: 97, 175: 100, 176: 111, 177: 8, 178: 65, 179: 66, 180: 48, 190: 38, 191: 39, 192: 50,
	193: 51, 194: 52, 195: 56, 196: 57, 197: 58, 198: 60, 199: 112, 201: 53, 202: 54, 203: 55,
}

// SessionCause returns the network's cause for refusing or ending a connection that
// e stands for, 0 if it stands for none.
func (e CME) SessionCause() modem.SessionCause {
	switch {
	case e == ErrAuthentication:
		return 29
	case e >= 124 && e <= 146: // 100 more than the cause
		return modem.SessionCause(e - 100)
	}
	return laterCauses[e]
}

// SessionCode returns the code that stands for a network's cause for refusing a
// connection, ErrUnspecified where none does.
func SessionCode(cause modem.SessionCause) CME {
	if code := CME(cause) + 100; cause >= 24 && code.SessionCause() == cause {
		return code
	}
	for code, c := range laterCauses {
		if c == cause {
			return code
		}
	}
	return ErrUnspecified
}

// RejectCause returns the network's cause for not letting the modem register that
// e stands for, 0 if it stands for none.
func (e CME) RejectCause() modem.RejectCause {
	switch {
	case e >= 102 && e <= 125: // 100 more than the cause
		return modem.RejectCause(e - 100)
	case e == 189:
		return 35
	case e == 204:
		return 42
	}
	return 0
}

// SessionCauseOfWords returns the cause that the standard's words for it, in which
// modems answer +CEER, stand for, and 0 for other words.
func SessionCauseOfWords(text string) modem.SessionCause {
	code, _ := codeOfWords(text)
	return code.SessionCause()
}
