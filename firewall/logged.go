package firewall

import (
	"fmt"
	"strings"
	"time"
)

// Logged is a packet that a rule logged.
type Logged struct {
	// Time is when we heard of it, a moment after it was decided.
	Time time.Time `json:"time"`
	Decision
	// In and Out are the devices it came from and goes to. One is empty for the
	// router's own traffic; what a VRF's link receives for the router comes
	// from the VRF's device.
	In  string `json:"in,omitempty"`
	Out string `json:"out,omitempty"`
	Headers
	// Lost is how many packets were logged since the line before this one
	// without our getting to know of them.
	Lost uint32 `json:"lost,omitempty"`
}

// String tells of the packet in a line.
func (l Logged) String() string {
	text := fmt.Sprintf("%s %s to %s, %s: %s", l.outcome(), l.From, l.To, l.Class, l.Protocol)
	if l.Source.IsValid() {
		text += fmt.Sprintf(" %s to %s", endpoint(l.Source, l.SourcePort), endpoint(l.Destination, l.DestinationPort))
	}
	for _, more := range []struct{ before, value string }{{" ", l.Flags}, {" ", l.ICMP}, {", in by ", l.In}, {", out by ", l.Out}} {
		if more.value != "" {
			text += more.before + more.value
		}
	}
	return text
}

// Decision is what was decided about a packet, and where.
type Decision struct {
	// Verdict is drop, reject, pass or inspect.
	Verdict string `json:"verdict"`
	// From and To are zones; both are empty for what no policy is about.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Class is the part of the policy that decided.
	Class string `json:"class"`
}

// maxPrefix is the longest log prefix the kernel takes, in octets:
// NF_LOG_PREFIXLEN (linux/netfilter/nf_log.h) without the zero at its end.
const maxPrefix = 127

// Prefix returns the decision as the log prefix of a rule: verdict, zones and
// class with a space after each but the last. Only a class holds spaces, so its
// being the last makes the text unambiguous. Of a class that is too long the
// beginning is kept; with the longest of zones that is 55 octets.
func (d Decision) Prefix() string {
	prefix := strings.Join([]string{d.Verdict, d.From, d.To, d.Class}, " ")
	return prefix[:min(len(prefix), maxPrefix)]
}

// ParsePrefix reads what Prefix returned. It reports false for the prefix of a
// rule that is not ours.
func ParsePrefix(prefix string) (Decision, bool) {
	words := strings.SplitN(prefix, " ", 4)
	if len(words) < 4 {
		return Decision{}, false
	}
	switch action(words[0]) {
	case actionDrop, actionReject, actionPass, actionInspect:
		return Decision{Verdict: words[0], From: words[1], To: words[2], Class: words[3]}, true
	default:
		return Decision{}, false
	}
}
