package apn

import (
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
)

// explain says in one line what is tried and why: where it comes from, what was
// tried before it, and what can be done about that.
func (c Choice) explain(provider string, attempts History) string {
	reasons := []string{map[Source]string{
		Known: "worked before", Configured: "configured", Modem: "left as it is", Network: "the network decides", Database: "database: " + provider,
	}[c.Source]}
	if len(attempts) > 0 {
		reasons[0] += ", tried " + ordinal(len(attempts)+1)
		last := attempts[len(attempts)-1]
		reasons = append(reasons, label(last.APN, last.Own)+" was refused: "+last.Cause())
		if c.Source == Configured {
			reasons = append(reasons, "nothing else is tried, as it is configured")
		}
		if advice := last.rule().advice; advice != "" {
			reasons = append(reasons, advice)
		}
	}
	text := label(c.APN, c.Own)
	if c.APN.Name != "" {
		text = "apn " + text
	}
	return text + " (" + strings.Join(reasons, "; ") + ")"
}

// label names an APN, and of families and authentication what is not usual.
func label(a modem.APN, own bool) string {
	text := a.Name
	switch {
	case own:
		return "the modem's own apn"
	case text == "":
		text = "empty apn"
	}
	if a.User != "" {
		text += fmt.Sprintf(" as %s by %v", a.User, a.Auth)
	}
	if a.Families == modem.IPv4 || a.Families == modem.IPv6 {
		text += fmt.Sprintf(" with %v", a.Families)
	}
	return text
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
