package qmiside

import (
	"errors"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// call is a data call, which clients may share if they ask for the same. It has
// one family, and for the virtual modem it is a connection.
type call struct {
	number int
	apn    modem.APN
	// told: the clients know that it is up.
	told    bool
	owners  []*client
	replies []func(error)
	// ending: its last client has left it, and next begin one anew when it has ended.
	ending bool
	next   []func()
}

// callNumber is the number of the connection for a family on a channel of the
// data path.
func callNumber(mux uint8, family qmi.IPFamily) int {
	n := 2 * int(mux)
	if family == qmi.FamilyIPv6 {
		n++
	}
	return n
}

// session returns the connection of a client's call, nil if there is none.
func (s *Side) session(c *client) *virtual.Session {
	if c.call == nil {
		return nil
	}
	session, _ := s.modem.Session(c.call.number)
	return session
}

// wdsCall does what is answered when the network has answered, and reports
// whether it is that.
func (s *Side) wdsCall(c *client, request qmi.Body, reply func(qmi.Body)) bool {
	switch r := request.(type) {
	case *qmi.StartNetworkRequest:
		s.start(c, r, func(answer *qmi.StartNetworkResponse) { reply(answer) })
		return true
	case *qmi.StopNetworkRequest:
		if c.call == nil || c.handle != r.Handle {
			reply(&qmi.StopNetworkResponse{Result: no(qmi.ErrInvalidHandle)})
			return true
		}
		s.stop(c, func() { reply(&qmi.StopNetworkResponse{}) })
		return true
	}
	return false
}

// start begins a call or joins one that is the same.
func (s *Side) start(c *client, r *qmi.StartNetworkRequest, reply func(*qmi.StartNetworkResponse)) {
	if c.call != nil {
		reply(&qmi.StartNetworkResponse{Result: no(qmi.ErrNoEffect)})
		return
	}
	apn, code := s.requested(c, r)
	if code != qmi.Success {
		reply(&qmi.StartNetworkResponse{Result: no(code)})
		return
	}
	number := callNumber(c.mux, familyOf(apn))
	k := s.calls[number]
	if k != nil && k.ending {
		k.next = append(k.next, func() {
			if s.clients[c.id] == c {
				s.start(c, r, reply)
			}
		})
		return
	}
	if k != nil && k.apn != apn {
		reply(&qmi.StartNetworkResponse{Result: no(qmi.ErrPolicyMismatch)})
		return
	}
	join := func() {
		c.call, c.handle = k, s.newHandle()
		k.owners = append(k.owners, c)
	}
	answer := func(err error) {
		if err != nil {
			c.call = nil
			reply(failed(err))
			return
		}
		reply(&qmi.StartNetworkResponse{Handle: c.handle})
	}
	if k != nil {
		join()
		if k.told {
			answer(nil)
		} else {
			k.replies = append(k.replies, answer)
		}
		return
	}
	k = &call{number: number, apn: apn, replies: []func(error){answer}}
	err := s.modem.Connect(number, apn, func(err error) {
		for _, reply := range k.replies {
			reply(err)
		}
		if err != nil {
			s.remove(k)
		}
	})
	if err != nil {
		reply(failed(err))
		return
	}
	s.calls[number] = k
	join()
}

// remove forgets a call that has ended.
func (s *Side) remove(k *call) {
	delete(s.calls, k.number)
	for _, start := range k.next {
		start()
	}
}

// newHandle is a handle that no client has, of a size that modems use.
func (s *Side) newHandle() qmi.Handle {
	s.handles++
	return 0x8000_0000 | s.handles
}

// requested is the APN that a client asks for: what the request leaves open is
// in the profile, the first one if it names none.
func (s *Side) requested(c *client, r *qmi.StartNetworkRequest) (modem.APN, qmi.ErrorCode) {
	index := uint8(1)
	if r.Profile != nil {
		index = *r.Profile
	}
	p, ok := s.profile(index)
	if !ok {
		return modem.APN{}, invalidProfile
	}
	apn := p.apn
	if r.APN != nil {
		apn = modem.APN{Name: *r.APN}
	}
	if r.User != nil {
		apn.User = *r.User
	}
	if r.Password != nil {
		apn.Password = modem.Password(*r.Password)
	}
	if r.Auth != nil {
		apn.Auth = authOf(*r.Auth)
	}
	family := c.family
	if r.Family != nil {
		family = *r.Family
	}
	apn.Families = modem.IPv4
	if family == qmi.FamilyIPv6 {
		apn.Families = modem.IPv6
	}
	return apn, qmi.Success
}

func familyOf(apn modem.APN) qmi.IPFamily {
	if apn.Families == modem.IPv6 {
		return qmi.FamilyIPv6
	}
	return qmi.FamilyIPv4
}

// stop takes a client off its call, which ends with its last client, and calls
// done then.
func (s *Side) stop(c *client, done func()) {
	k := c.call
	c.call = nil
	others := k.owners[:0:0]
	for _, o := range k.owners {
		if o != c {
			others = append(others, o)
		}
	}
	if k.owners = others; len(others) > 0 {
		done()
		return
	}
	k.ending = true
	k.owners = []*client{c} // who is told of the end
	if s.modem.Disconnect(k.number, done) != nil {
		done()
	}
}

// leaveCall takes a client off its call, if it has one, as it goes itself.
func (s *Side) leaveCall(c *client) {
	if c.call != nil {
		s.stop(c, func() {})
	}
}

// tellCall tells the clients of a call what has become of it.
func (s *Side) tellCall(session *virtual.Session) {
	k := s.calls[session.Number]
	if k == nil {
		return
	}
	family := familyOf(k.apn)
	if session.Up {
		indication := &qmi.PacketStatusIndication{Status: qmi.PacketStatus{Status: qmi.Connected, Reconfigure: k.told}, Family: &family}
		reconfigured := k.told
		k.told = true
		for _, c := range k.owners {
			s.message(c.id.Client, 0, indication)
			if reconfigured && c.settings {
				s.message(c.id.Client, 0, &qmi.SettingsIndication{Changed: new(qmi.SettingAddress | qmi.SettingGateway | qmi.SettingDNS | qmi.SettingMTU)})
			}
		}
		return
	}
	defer s.remove(k) // its clients hear of its end before another begins
	reason, verbose := s.ending(k, session.Cause)
	for _, c := range k.owners {
		c.call = nil
		if s.clients[c.id] == c {
			s.message(c.id.Client, 0, &qmi.PacketStatusIndication{
				Status: qmi.PacketStatus{Status: qmi.Disconnected}, Reason: &reason, Verbose: &verbose, Family: &family,
			})
		}
	}
}

// What the modem says of ends that are none of the network's.
var (
	endedByHost = qmi.VerboseCallEndReason{Type: qmi.CallEndManager, Reason: 2000}
	noService   = qmi.VerboseCallEndReason{Type: qmi.CallEndManager, Reason: 2001}
	isOffline   = qmi.VerboseCallEndReason{Type: qmi.CallEndManager, Reason: 2500}
	simNotReady = qmi.VerboseCallEndReason{Type: qmi.CallEndManager, Reason: 2504}
	noIPv4      = qmi.VerboseCallEndReason{Type: qmi.CallEndInternal, Reason: 208}
	noIPv6      = qmi.VerboseCallEndReason{Type: qmi.CallEndInternal, Reason: 210}
)

// What a modem says in short.
const (
	reasonUnspecified    = qmi.CallEndReason(1)
	reasonClientEnd      = qmi.CallEndReason(2)
	reasonNoService      = qmi.CallEndReason(3)
	reasonAuthentication = qmi.CallEndReason(10)
)

// ending is why a call has ended. A host that ends it has no call any longer.
func (s *Side) ending(k *call, cause modem.SessionCause) (qmi.CallEndReason, qmi.VerboseCallEndReason) {
	switch {
	case cause != 0 && k.owners[0].call == nil:
		return reasonClientEnd, endedByHost
	case cause == 0:
		return reasonNoService, noService
	}
	return reasons(cause)
}

// reasons are QMI's words for a network's cause.
func reasons(cause modem.SessionCause) (qmi.CallEndReason, qmi.VerboseCallEndReason) {
	verbose := qmi.VerboseCallEndReason{Type: qmi.CallEnd3GPP, Reason: int16(cause)}
	switch cause {
	case modem.CauseOnlyIPv4:
		return reasonUnspecified, noIPv6
	case modem.CauseOnlyIPv6:
		return reasonUnspecified, noIPv4
	case wrongCredentials:
		return reasonAuthentication, verbose
	}
	for reason := qmi.CallEndReason(1000); reason < 1100; reason++ {
		if stands, ok := reason.Cause(); ok && stands == cause {
			return reason, verbose
		}
	}
	return reasonUnspecified, verbose
}

// wrongCredentials is the network's cause for a wrong user name or password.
const wrongCredentials = modem.SessionCause(29)

// failed is the answer for a call that did not come about.
func failed(err error) *qmi.StartNetworkResponse {
	reason, verbose := reasonNoService, noService
	var refusal modem.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Cause != 0:
		reason, verbose = reasons(refusal.Cause)
	case errors.Is(err, virtual.ErrRadioOff):
		verbose = isOffline
	case errors.Is(err, virtual.ErrNoSIM):
		verbose = simNotReady
	case errors.Is(err, virtual.ErrInUse):
		return &qmi.StartNetworkResponse{Result: no(qmi.ErrPolicyMismatch)}
	}
	return &qmi.StartNetworkResponse{Result: no(qmi.ErrCallFailed), Reason: &reason, Verbose: &verbose}
}
