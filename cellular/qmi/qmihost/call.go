package qmihost

import (
	"context"
	"errors"
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// place is what a call is for.
type place struct {
	session int
	family  qmi.IPFamily
}

// call is a data call of one IP family.
type call struct {
	// client of WDS has started it; it ends with the client.
	client uint8
	handle qmi.Handle
}

// ofItself is the handle of a call that the modem has started by itself.
const ofItself qmi.Handle = 0xffffffff

// families are those that a call can have, in the order in which they are tried.
var families = []qmi.IPFamily{qmi.FamilyIPv4, qmi.FamilyIPv6}

// wanted are the families of f. A modem cannot choose: left to it are both.
func wanted(f modem.Families) []qmi.IPFamily {
	switch f {
	case modem.IPv4:
		return families[:1]
	case modem.IPv6:
		return families[1:]
	}
	return families
}

// ofFamily are the causes for which a network may refuse one family and not the
// other.
var ofFamily = []modem.SessionCause{modem.CauseUnknownFamily, modem.CauseNotSubscribed, modem.CauseOnlyIPv6}

// Connect asks the network for a connection, a call for each family. It is there
// if one of them is: many networks give but one.
func (m *Modem) Connect(ctx context.Context, session int, apn modem.APN) error {
	if err := m.path.check(session); err != nil {
		return err
	}
	if err := m.Disconnect(ctx, session); err != nil {
		return err
	}
	var refused error
	for _, family := range wanted(apn.Families) {
		err := m.start(ctx, place{session, family}, apn)
		if err == nil {
			continue
		}
		var refusal modem.Refusal
		if !errors.As(err, &refusal) {
			m.abandon(session)
			return err
		}
		refused = err
		if !slices.Contains(ofFamily, refusal.Cause) {
			break // the other family would hear the same
		}
	}
	if len(m.callsOf(session)) > 0 {
		return nil
	}
	return refused
}

// abandon ends what there is of a connection that does not come about, without
// waiting for a modem that may not answer: calls end with their clients.
func (m *Modem) abandon(session int) {
	for _, p := range m.callsOf(session) {
		c := m.calls[p]
		delete(m.calls, p)
		m.memory.Store(m.state())
		m.release(qmi.WDS, c.client)
	}
}

// callsOf returns the places where session has calls.
func (m *Modem) callsOf(session int) []place {
	var has []place
	for _, family := range families {
		if _, ok := m.calls[place{session, family}]; ok {
			has = append(has, place{session, family})
		}
	}
	return has
}

// start starts a call with a client of its own.
func (m *Modem) start(ctx context.Context, p place, apn modem.APN) error {
	request, err := startRequest(p.family, apn)
	if err != nil {
		return err
	}
	client, err := m.callClient(ctx, p)
	if err != nil {
		return err
	}
	var started qmi.StartNetworkResponse
	err = m.talk.ask(ctx, client, startLimit, request, &started)
	switch code, refused := qmi.Refused(err); {
	case err == nil:
		m.keep(p, call{client, started.Handle})
		return nil
	case refused && code == qmi.ErrNoEffect:
		m.keep(p, call{client, ofItself})
		return nil
	case refused:
		err = refusalOf(started)
	}
	// If there was no answer a call may come up after all, of which nobody would know:
	// it ends with its client.
	m.release(qmi.WDS, client)
	return err
}

// keep notes a call that is up.
func (m *Modem) keep(p place, c call) {
	m.calls[p] = c
	m.memory.Store(m.state())
}

// startRequest asks for a call of family. An APN with no name is left out: what the
// modem then asks for is in its profile, and if that has none the network decides.
// There are modems that refuse a name that is empty.
func startRequest(family qmi.IPFamily, apn modem.APN) (*qmi.StartNetworkRequest, error) {
	r := &qmi.StartNetworkRequest{Family: &family}
	if apn.Name != "" {
		r.APN = &apn.Name
	}
	by, err := auth(apn)
	if apn.User != "" {
		r.Auth, r.User, r.Password = &by, &apn.User, new(qmi.Password(apn.Password))
	}
	return r, err
}

// callClient returns a new client of WDS for a call at p.
func (m *Modem) callClient(ctx context.Context, p place) (uint8, error) {
	if err := m.renew(ctx); err != nil {
		return 0, err
	}
	client, err := m.newClient(ctx, qmi.WDS)
	if err != nil {
		return 0, err
	}
	if err := m.prepareClient(ctx, client, p); err != nil {
		m.release(qmi.WDS, client)
		return 0, err
	}
	return client, nil
}

// prepareClient tells the modem what client is for.
func (m *Modem) prepareClient(ctx context.Context, client uint8, p place) error {
	if m.path.Channels {
		request := &qmi.BindMuxPortRequest{Endpoint: m.path.Endpoint, Mux: new(channel(p.session)), Client: new(qmi.ClientOutside)}
		if err := m.talk.ask(ctx, client, answerLimit, request, &qmi.BindMuxPortResponse{}); err != nil {
			return known(err)
		}
	}
	for _, q := range []struct{ request, response qmi.Body }{
		{&qmi.SetIPFamilyRequest{Family: p.family}, &qmi.SetIPFamilyResponse{}},
		{&qmi.SetCallEventsRequest{Settings: new(true)}, &qmi.SetCallEventsResponse{}},
	} {
		// Older modems do without: the question for the call names the family too, and
		// settings are asked for now and then.
		if err := exceptNo(m.talk.ask(ctx, client, answerLimit, q.request, q.response)); err != nil {
			return err
		}
	}
	return nil
}

// refusalOf returns why a call was refused.
func refusalOf(r qmi.StartNetworkResponse) modem.Refusal {
	var refusal modem.Refusal
	if r.Reason != nil {
		refusal.Cause, _ = r.Reason.Cause()
		refusal.Reason = r.Reason.String()
	}
	if r.Verbose != nil {
		if cause, ok := r.Verbose.Cause(); ok {
			refusal.Cause = cause
		}
		refusal.Reason = r.Verbose.String()
	}
	if refusal.Reason == "" {
		refusal.Reason = r.Code.Error()
	}
	return refusal
}

// Disconnect ends a connection. A call that the network has ended is ended already.
func (m *Modem) Disconnect(ctx context.Context, session int) error {
	for _, p := range m.callsOf(session) {
		c := m.calls[p]
		request := &qmi.StopNetworkRequest{Handle: c.handle}
		if c.handle == ofItself {
			request.DisableAutoconnect = new(true)
		}
		if err := exceptNo(m.talk.ask(ctx, c.client, stopLimit, request, &qmi.StopNetworkResponse{})); err != nil {
			return err
		}
		delete(m.calls, p)
		m.memory.Store(m.state())
		m.release(qmi.WDS, c.client)
	}
	return nil
}
