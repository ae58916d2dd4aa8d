package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/cellular/modem"
)

func showCellular(ctx context.Context, c *CLI, r request) error {
	modems, err := c.Box.Cellular(ctx)
	if err != nil {
		return err
	}
	if r.option {
		return c.printJSON(modems)
	}
	_, err = io.WriteString(c.Stdout, cellularText(modems))
	return err
}

func cellularText(modems []cellular.Status) string {
	if len(modems) == 0 {
		return "No interface is a modem.\n"
	}
	var parts []string
	for _, m := range modems {
		parts = append(parts, modemText(m))
	}
	return strings.Join(parts, "\n")
}

// modemText is about one modem.
func modemText(m cellular.Status) string {
	var b strings.Builder
	line := func(label string, words ...string) { b.WriteString(labelledLine(label, words...)) }
	line("Modem "+m.Name, m.Phase.String(), m.Text)
	if m.Device != "" {
		i := m.Identity
		line("  Device", m.Device)
		line("  Model", i.Manufacturer, i.Model, labelled("firmware ", i.Firmware), labelled("IMEI ", i.IMEI), i.Protocol)
		line("  SIM", simWords(m)...)
		for _, s := range m.Slots {
			if !s.Active {
				line(fmt.Sprintf("  Slot %d", s.Number), slotWord(s), labelled("ICCID ", s.ICCID))
			}
		}
		line("  Network", networkWords(m.Registration)...)
		line("  Signal", m.Signal.String())
		line("  Attach APN", m.Attach)
	}
	for _, refused := range m.Rejected {
		line("  Refused", refused)
	}
	for _, c := range m.Connections {
		b.WriteString("\n")
		line("  Interface "+c.Interface, connectionWords(c)...)
		line("    APN", c.APN, labelled("granted ", c.Granted))
		line("    DNS", texts(c.DNS)...)
		if c.Counters != nil {
			line("    Traffic", fmt.Sprintf("%d octets in %d packets in", c.Counters.OctetsIn, c.Counters.PacketsIn),
				fmt.Sprintf("%d octets in %d packets out", c.Counters.OctetsOut, c.Counters.PacketsOut))
		}
		for _, failed := range c.Failed {
			line("    Failed", failed)
		}
	}
	return b.String()
}

const (
	// labelWidth is where the words of a line begin, and lineWidth where they end.
	labelWidth, lineWidth = 16, 80
)

// labelledLine writes words behind a label, on as many lines as they need; nothing
// if there are none.
func labelledLine(label string, words ...string) string {
	text := printable(list(words...))
	if text == "" {
		return ""
	}
	var b strings.Builder
	at := 0
	write := func(s string) {
		b.WriteString(s)
		at += utf8.RuneCountInString(s)
	}
	write(fmt.Sprintf("%-*s", labelWidth-1, label))
	for word := range strings.FieldsSeq(text) {
		if at > labelWidth && at+1+utf8.RuneCountInString(word) > lineWidth {
			b.WriteString("\n")
			at = 0
			write(strings.Repeat(" ", labelWidth-1))
		}
		write(" " + word)
	}
	b.WriteString("\n")
	return b.String()
}

// printable leaves out what a terminal would obey rather than show: a network says
// of itself what it likes, and so do modems and SIMs.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
}

// texts writes each value as text.
func texts[T fmt.Stringer](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, v.String())
	}
	return all
}

func slotWord(s modem.Slot) string {
	if s.Filled {
		return "not in use"
	}
	return "empty"
}

func simWords(m cellular.Status) []string {
	slot := ""
	for _, s := range m.Slots {
		if s.Active && len(m.Slots) > 1 {
			slot = fmt.Sprintf("in slot %d", s.Number)
		}
	}
	attempts := ""
	if m.SIM.State == modem.SIMLocked || m.SIM.State == modem.SIMBlocked {
		attempts = "attempts left: unknown"
		if m.SIM.Attempts >= 0 {
			attempts = fmt.Sprintf("attempts left: %d", m.SIM.Attempts)
		}
	}
	return []string{slot, m.SIM.State.String(), labelled("ICCID ", m.SIM.ICCID), labelled("IMSI ", m.SIM.IMSI), m.SIM.Provider, attempts}
}

func networkWords(r modem.Registration) []string {
	if !r.Registered() {
		cause := ""
		if r.Cause != 0 {
			cause = r.Cause.String()
		}
		return []string{r.State.String(), r.Operator, r.PLMN, cause}
	}
	name := cmp.Or(r.Operator, r.PLMN)
	if r.Operator != "" && r.PLMN != "" {
		name = fmt.Sprintf("%s (%s)", r.Operator, r.PLMN)
	}
	place := func(label string, n uint64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%s %d", label, n)
	}
	return []string{name, r.State.String(), r.Technology.String(), r.Band, place("channel", uint64(r.Channel)), place("cell", r.Cell), place("area", uint64(r.Area))}
}

func connectionWords(c cellular.ConnectionStatus) []string {
	words := []string{labelled("PDN ", c.PDN)}
	if !c.Up {
		return append(words, "down")
	}
	up := "up"
	if !c.Since.IsZero() {
		up = fmt.Sprintf("up for %v", time.Since(c.Since).Round(time.Second))
	}
	words = append(words, up)
	for _, a := range []netip.Prefix{c.Address, c.Address6} {
		if a.IsValid() {
			words = append(words, a.String())
		}
	}
	if c.MTU != 0 {
		words = append(words, fmt.Sprintf("MTU %d", c.MTU))
	}
	return words
}

// labelled puts a label before a text, if there is a text.
func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

// list joins what there is by commas.
func list(words ...string) string {
	var present []string
	for _, w := range words {
		if w != "" {
			present = append(present, w)
		}
	}
	return strings.Join(present, ", ")
}
