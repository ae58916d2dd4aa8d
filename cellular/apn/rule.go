package apn

import (
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// rule is how long a refusal holds back what it is about.
type rule struct {
	// every: the refusal is of the SIM or the network as a whole, so that no APN is
	// tried meanwhile; else of the one APN, and the next is tried at once.
	every bool
	// The wait is first, doubles with each refusal, and ends at most.
	first, most time.Duration
	// hopeless: only the operator can help, and another SIM is worth trying now.
	hopeless bool
	// advice is what whoever reads about it can do.
	advice string
}

// The rules. What 3GPP prescribes is in brackets.
var (
	// transient: the request crossed with something else.
	transient = rule{every: true, first: 5 * time.Second, most: 5 * time.Minute}
	// failing: the network is out of order [T3411 10 s, then T3402 12 min].
	failing = rule{every: true, first: 10 * time.Second, most: 12 * time.Minute}
	// congested: as do many others, we wait [T3346 15 to 30 min, T3396].
	congested = rule{every: true, first: time.Minute, most: 30 * time.Minute}
	// notHere: of this network or area; the modem looks for another by itself
	// [forbidden lists].
	notHere = rule{every: true, first: 5 * time.Minute, most: time.Hour}
	// unclear: it may be the APN.
	unclear = rule{first: time.Minute, most: time.Hour}
	// wrongAPN: the APN or something said with it [TS 24.368, SM_RetryWaitTime 12 min].
	wrongAPN = rule{first: 12 * time.Minute, most: 2 * time.Hour}
	// wrongPassword: the account behind the APN may be locked if it is asked more
	// often.
	wrongPassword = rule{first: 12 * time.Minute, most: 2 * time.Hour, advice: "check user name and password"}
	// notSubscribed: another APN may be.
	notSubscribed = rule{first: 12 * time.Minute, most: 24 * time.Hour, advice: "ask the operator what the SIM may use"}
	// barred: by the operator, for all that the SIM may ask for.
	barred = rule{every: true, first: 12 * time.Minute, most: 24 * time.Hour, hopeless: true, advice: "ask the operator why the SIM is barred"}
	// invalidSIM: until the SIM is changed, or a day has passed, as operators also
	// activate SIMs [T3245 24 to 48 h].
	invalidSIM = rule{every: true, first: 24 * time.Hour, most: 24 * time.Hour, hopeless: true, advice: "ask the operator, or change the SIM"}
)

// sessionRules are the rules for refused connections: the causes of TS 24.008,
// 10.5.6.6, TS 24.301, 9.9.4.4, and TS 24.501, 9.11.4.2. Causes of a fault in the
// request (95 to 111) may come of what the APN's request holds.
var sessionRules = map[modem.SessionCause]rule{
	8: barred, 25: transient, 26: congested, 27: wrongAPN, 28: wrongAPN, 29: wrongPassword,
	30: unclear, 31: unclear, 32: wrongAPN, 33: notSubscribed, 34: failing, 35: transient, 36: transient,
	37: wrongAPN, 38: failing, 39: transient, 40: wrongAPN, 41: unclear, 42: unclear, 43: transient, 44: unclear, 45: unclear, 46: unclear, 47: transient, 48: unclear, 49: transient,
	50: wrongAPN, 51: wrongAPN, 52: wrongAPN, 53: failing, 54: transient, 55: unclear, 56: transient, 57: wrongAPN,
	58: wrongAPN, 59: wrongAPN, 60: wrongAPN, 61: wrongAPN, 65: congested, 66: wrongAPN, 67: congested, 68: wrongAPN,
	69: congested, 70: wrongAPN, 81: transient, 82: wrongAPN,
	95: unclear, 96: unclear, 97: unclear, 98: transient, 99: unclear, 100: unclear, 101: transient, 111: unclear,
	112: wrongAPN, 113: unclear,
}

// rejectRules are the rules for refused registrations: the causes of TS 24.008,
// 10.5.5.14, TS 24.301, 9.9.3.9, and TS 24.501, 9.11.3.2.
var rejectRules = map[modem.RejectCause]rule{
	2: invalidSIM, 3: invalidSIM, 4: notHere, 5: invalidSIM, 6: invalidSIM, 7: invalidSIM, 8: invalidSIM,
	9: transient, 10: transient, 11: notHere, 12: notHere, 13: notHere, 14: notHere, 15: notHere,
	16: failing, 17: failing, 18: notHere, 19: wrongAPN, 20: failing, 21: failing, 22: congested, 23: failing,
	24: failing, 25: notHere, 26: failing, 27: notHere, 31: transient, 33: notSubscribed, 35: notHere, 39: congested,
	40: transient, 42: failing, 43: notHere, 62: notHere, 65: congested, 67: congested, 69: congested, 71: transient,
	72: notHere, 73: notHere, 74: notHere, 75: invalidSIM, 76: notHere, 77: notHere, 78: notHere, 79: notHere, 80: notHere,
	90: transient, 91: wrongAPN, 92: congested,
	95: failing, 96: failing, 97: failing, 98: transient, 99: failing, 100: failing, 101: transient, 111: failing,
}

// rule returns the rule for the attempt's cause. A cause that is in no table, or
// none at all, may be the APN's.
func (a Attempt) rule() rule {
	r, known := sessionRules[a.Session]
	if a.Session == 0 {
		r, known = rejectRules[a.Reject]
	}
	if !known {
		return unclear
	}
	return r
}

// wait is how long to wait after the nth refusal, from 1.
func (r rule) wait(n int) time.Duration {
	wait := r.first
	for ; n > 1 && wait < r.most; n-- {
		wait *= 2
	}
	return min(wait, r.most)
}
