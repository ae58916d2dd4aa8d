package athost

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// How long it may take between a modem's yes to a connection and the connection,
// and how often it is asked meanwhile.
const (
	settleLimit    = 30 * time.Second
	settleInterval = 500 * time.Millisecond
)

// only says that there is one connection at a time.
func only(session int) error {
	if session != 0 {
		return fmt.Errorf("connection %d: %w", session, modem.ErrUnsupported)
	}
	return nil
}

// command returns one of a path's, for the data context.
func command(format string) string {
	return strings.ReplaceAll(format, "%d", strconv.Itoa(dataContext))
}

// Connect asks the network for a connection and returns when it is there.
func (h *Host) Connect(ctx context.Context, session int, apn modem.APN) error {
	if err := only(session); err != nil {
		return err
	}
	if err := h.define(ctx, apn); err != nil {
		return err
	}
	if err := h.Attach(ctx); err != nil {
		return err
	}
	h.end.Store(nil)
	if err := h.raise(ctx); at.Refused(err) {
		return h.refusal(ctx, err)
	} else if err != nil {
		return err
	}
	deadline := time.Now().Add(settleLimit)
	for {
		_, err := h.Connection(ctx, session)
		if !errors.Is(err, modem.ErrNotConnected) {
			return err
		}
		if end := h.end.Load(); end != nil {
			return modem.Refusal{Cause: end.cause}
		}
		if time.Now().After(deadline) {
			_ = h.Disconnect(ctx, session)
			return modem.Refusal{Reason: "the modem said yes and then had no connection"}
		}
		if err := pause(ctx, settleInterval); err != nil {
			return err
		}
	}
}

// raise starts the data path, or activates the context where there is nothing else
// to start.
func (h *Host) raise(ctx context.Context) error {
	path, _, err := h.path(ctx)
	if err != nil {
		return err
	}
	if path && h.maker.path.up != "" {
		_, err := h.do(ctx, at.Request{Line: command(h.maker.path.up), Limit: networkLimit})
		return err
	}
	active, err := h.inUse(ctx)
	if err != nil || active {
		return err
	}
	return h.tellSlowly(ctx, networkLimit, "+CGACT", at.Int(1), at.Int(dataContext))
}

// path reports whether the modem has its maker's data path, which not all of a
// maker's have: those answer the question about it with an error. And it says what
// the answer is, where that tells.
func (h *Host) path(ctx context.Context) (exists bool, active *bool, err error) {
	path := h.maker.path
	if path.state == "" {
		return path.up != "", nil, nil
	}
	question := command(path.state)
	name, _, _ := strings.Cut(question, "?")
	lines, err := h.read(ctx, question, name)
	if fatal(err) {
		return false, nil, err
	}
	for _, p := range lines {
		if active, known := path.active(p); known {
			return true, &active, nil
		}
	}
	return err == nil, nil, nil
}

// Disconnect ends the connection. In LTE the last one cannot end by itself: the
// modem detaches.
func (h *Host) Disconnect(ctx context.Context, session int) error {
	if err := only(session); err != nil {
		return err
	}
	path, _, err := h.path(ctx)
	if err != nil {
		return err
	}
	if path && h.maker.path.down != "" {
		_, err := h.do(ctx, at.Request{Line: command(h.maker.path.down), Limit: networkLimit})
		return err
	}
	active, err := h.inUse(ctx)
	if err != nil || !active {
		return err
	}
	err = h.tellSlowly(ctx, networkLimit, "+CGACT", at.Int(0), at.Int(dataContext))
	if at.Refused(err) {
		return h.tellSlowly(ctx, networkLimit, "+CGATT", at.Int(0))
	}
	return err
}

// Connection says what the network gave to the connection.
func (h *Host) Connection(ctx context.Context, session int) (modem.Connection, error) {
	if err := only(session); err != nil {
		return modem.Connection{}, modem.ErrNotConnected
	}
	active, err := h.connected(ctx)
	if err != nil {
		return modem.Connection{}, err
	}
	if !active {
		return modem.Connection{}, modem.ErrNotConnected
	}
	c, err := h.given(ctx)
	if err != nil {
		return modem.Connection{}, err
	}
	leased, err := h.leased(ctx, &c)
	if err != nil {
		return modem.Connection{}, err
	}
	if !leased {
		if c.DHCP, err = h.routes(ctx); err != nil {
			return modem.Connection{}, err
		}
	}
	if !c.DHCP && !c.Address4.IsValid() && !c.Address6.IsValid() {
		return modem.Connection{}, modem.ErrNotConnected
	}
	return c, nil
}

// connected asks about the data path, and where that does not tell, the context.
func (h *Host) connected(ctx context.Context) (bool, error) {
	_, active, err := h.path(ctx)
	if err != nil {
		return false, err
	}
	if active != nil {
		return *active, nil
	}
	return h.inUse(ctx)
}

// routes reports whether the modem is a router that answers DHCP.
func (h *Host) routes(ctx context.Context) (bool, error) {
	question := h.maker.path.bridge
	if question == "" {
		return true, nil
	}
	p, err := h.readOne(ctx, question, strings.TrimSuffix(question, "?"))
	if fatal(err) {
		return false, err
	}
	n, ok := p.Int(0)
	return !ok || n != 2, nil
}

// given asks what the network gave to the context.
func (h *Host) given(ctx context.Context) (modem.Connection, error) {
	var c modem.Connection
	lines, err := h.do(ctx, at.Request{Line: fmt.Sprintf("+CGCONTRDP=%d", dataContext)})
	if fatal(err) {
		return modem.Connection{}, err
	}
	for _, line := range lines {
		said, err := at.ParseContext(line)
		if err != nil || said.CID != dataContext {
			continue
		}
		c.APN = said.APN
		assign(&c, said.Address)
		switch gateway := said.Gateway; {
		case gateway.Is4():
			c.Gateway4 = gateway
		case gateway.Is6():
			c.Gateway6 = gateway
		}
		for _, server := range said.DNS {
			if !slices.Contains(c.DNS, server) {
				c.DNS = append(c.DNS, server)
			}
		}
		if said.MTU != 0 {
			c.MTU = said.MTU
		}
	}
	if c.Address4.IsValid() || c.Address6.IsValid() {
		return c, nil
	}
	all, err := h.read(ctx, fmt.Sprintf("+CGPADDR=%d", dataContext), "+CGPADDR")
	if fatal(err) {
		return modem.Connection{}, err
	}
	for _, p := range all {
		if cid, ok := p.Int(0); !ok || cid != dataContext {
			continue
		}
		for i := 1; i < len(p); i++ {
			if prefix, ok := at.ParsePrefix(p.Text(i)); ok {
				assign(&c, prefix)
			}
		}
	}
	return c, nil
}

// assign gives c an address of its family.
func assign(c *modem.Connection, prefix netip.Prefix) {
	switch {
	case !prefix.IsValid():
	case prefix.Addr().Is4():
		c.Address4 = prefix
	default:
		c.Address6 = prefix
	}
}

// refusal makes err, a modem's no, one with the network's cause, as far as the modem
// tells.
func (h *Host) refusal(ctx context.Context, err error) error {
	var code at.CME
	if errors.As(err, &code) {
		if cause := code.SessionCause(); cause != 0 {
			return modem.Refusal{Cause: cause}
		}
	}
	lines, ceerErr := h.ask(ctx, "+CEER")
	if fatal(ceerErr) {
		return ceerErr
	}
	for _, line := range lines {
		_, text := at.Split(line)
		if cause := causeOf(text); cause != 0 {
			return modem.Refusal{Cause: cause, Reason: printable(text)}
		}
	}
	return modem.Refusal{Reason: err.Error()}
}

// ceerCause finds a cause in an answer to +CEER that names the layer it comes from:
// `"SM signalling cause",33,...`, "EPS: ESM cause 27".
var ceerCause = regexp.MustCompile(`(?i)\bE?SM\b[^0-9]*([0-9]{1,3})\b`)

// causeOf returns the network's cause that an answer to +CEER tells, whose format
// the standard leaves open (27.007, 6.10), and 0 if it tells none.
func causeOf(text string) modem.SessionCause {
	if cause := at.SessionCauseOfWords(strings.Trim(text, `" `)); cause != 0 {
		return cause
	}
	if p, err := at.ParseParams(text); err == nil {
		for _, v := range p {
			if cause := at.SessionCauseOfWords(v.Text); cause != 0 {
				return cause
			}
		}
	}
	if found := ceerCause.FindStringSubmatch(text); found != nil {
		if n, err := strconv.ParseUint(found[1], 10, 8); err == nil {
			return modem.SessionCause(n)
		}
	}
	return 0
}

// Counters are not to be had.
func (h *Host) Counters(context.Context, int) (modem.Counters, error) {
	return modem.Counters{}, modem.ErrUnsupported
}
