package virtual

import (
	"errors"
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
)

// What keeps a modem from what the host wants of it.
var (
	ErrRadioOff      = errors.New("the radio is off")
	ErrNotRegistered = errors.New("no network serves the modem")
	// ErrHostNotKnown: the modem's maker has tied it to a make of host.
	ErrHostNotKnown = errors.New("the modem does not switch its radio on for just any host")
)

// The causes for which a SIM is not tried again until it or the modem is reset
// (3GPP TS 24.301, 5.5.1.2.5), and those for which another network may be tried.
var (
	finalCauses    = []modem.RejectCause{3, 6, 7, 8}
	roamableCauses = []modem.RejectCause{11, 12, 13, 14, 15}
	esmFailure     = modem.RejectCause(19)
)

// Radio says whether the modem may send.
func (m *Modem) Radio() modem.Radio { return m.radio }

// SetRadio is the host's switch.
func (m *Modem) SetRadio(on bool) error {
	if on && m.locked {
		return ErrHostNotKnown
	}
	m.setRadio(modem.Radio{Hardware: m.radio.Hardware, Software: on})
	return nil
}

// Authenticate makes the host known to a modem with a lock.
func (m *Modem) Authenticate() { m.locked = false }

// Locked reports whether the radio stays off until the host is known.
func (m *Modem) Locked() bool { return m.locked }

// SetHardwareRadio is the switch on the case.
func (m *Modem) SetHardwareRadio(on bool) {
	m.setRadio(modem.Radio{Hardware: on, Software: m.radio.Software})
}

func (m *Modem) setRadio(r modem.Radio) {
	if r == m.radio {
		return
	}
	m.radio = r
	m.tell(Event{Change: RadioChanged})
	m.reconsider()
}

// Registration says which network serves the modem.
func (m *Modem) Registration() modem.Registration { return m.register }

// Selection says which network the modem is to register with.
func (m *Modem) Selection() modem.Selection { return m.selection }

// Select says which network to register with.
func (m *Modem) Select(s modem.Selection) {
	m.selection = s
	if m.serving != nil && !slices.Contains(m.candidates(), m.serving) {
		m.deregister(modem.Searching)
	}
	m.reconsider()
}

// AttachAPN is the APN that the modem asks for when it registers.
func (m *Modem) AttachAPN() modem.APN { return m.attachAPN }

// SetAttachAPN changes it, for when the modem registers next.
func (m *Modem) SetAttachAPN(apn modem.APN) { m.attachAPN = apn }

// AttachedAPN is the one that the network has registered the modem with, which
// names its own where the modem named none.
func (m *Modem) AttachedAPN() modem.APN {
	for _, a := range m.serving.apns() {
		if m.attachAPN.Name == "" && a.Default || sameName(m.attachAPN.Name)(a.Name) {
			families, _ := a.offer(m.attachAPN.Families)
			return modem.APN{Name: a.Name, Families: families}
		}
	}
	return modem.APN{Name: m.attachAPN.Name, Families: modem.IPv4}
}

func (n *Network) apns() []*APN {
	if n == nil {
		return nil
	}
	return n.APNs
}

// Reattach registers anew where the attach APN means something.
func (m *Modem) Reattach() {
	if m.serving == nil || m.serving.evolved() {
		m.deregister(modem.Searching)
	}
	m.reconsider()
}

// SetAttached asks for packet service or gives it up, which in LTE and 5G is to
// be registered or not.
func (m *Modem) SetAttached(on bool) error {
	if on && !m.radio.On() {
		return ErrRadioOff
	}
	if on && m.SIMState() != modem.SIMReady {
		return ErrNoSIM
	}
	m.detached = !on
	m.reconsider()
	return nil
}

// Signal says how well the network is heard that serves the modem.
func (m *Modem) Signal() modem.Signal {
	if m.serving == nil {
		return modem.Signal{}
	}
	return m.serving.Signal
}

// Scan looks for networks, and gives those it can hear to done.
func (m *Modem) Scan(done func([]*Network)) error {
	if !m.radio.On() {
		return ErrRadioOff
	}
	m.after(m.timing.Scan, func() { done(slices.DeleteFunc(slices.Clone(m.networks), func(n *Network) bool { return n.hidden })) })
	return nil
}

// evolved reports whether registration brings a connection with it.
func (n *Network) evolved() bool { return n.Technology >= modem.LTE }

// candidates are the networks that the modem may register with, the best first.
func (m *Modem) candidates() []*Network {
	var home, others []*Network
	for _, n := range m.networks {
		switch {
		case n.hidden, m.selection.PLMN != "" && n.PLMN != m.selection.PLMN,
			len(m.selection.Technologies) > 0 && !slices.Contains(m.selection.Technologies, n.Technology):
		case n.PLMN == m.HomePLMN():
			home = append(home, n)
		default:
			others = append(others, n)
		}
	}
	return append(home, others...)
}

// HomePLMN is the number of the network that the SIM in use is from.
func (m *Modem) HomePLMN() string {
	c := m.Card()
	if c == nil {
		return ""
	}
	return c.IMSI[:3+c.MNCDigits]
}

// reconsider has the modem register where it should and is not, and the other way
// round.
func (m *Modem) reconsider() {
	switch {
	case !m.onBus:
	case !m.radio.On() || m.SIMState() != modem.SIMReady || m.detached:
		m.deregister(modem.NotRegistered)
	case m.serving != nil && m.serving.hidden:
		m.deregister(modem.Searching)
		m.search(m.timing.Register)
	case m.serving == nil && m.attempt == nil:
		m.search(m.timing.Register)
	}
}

// deregister ends the registration and all that rests on it.
func (m *Modem) deregister(state modem.RegistrationState) {
	m.cancel(m.attempt)
	m.attempt, m.serving = nil, nil
	for _, s := range m.Sessions() {
		m.end(s, 0)
	}
	m.setRegistration(modem.Registration{State: state})
}

// search has the modem look for a network and try it after d.
func (m *Modem) search(d Duration) {
	if m.register.State != modem.Denied {
		m.setRegistration(modem.Registration{State: modem.Searching})
	}
	m.attempt = m.after(d, func() {
		m.attempt = nil
		m.tryNetworks()
	})
}

func (m *Modem) tryNetworks() {
	var denied *modem.Registration
	for _, n := range m.candidates() {
		cause := m.answer(n)
		if cause == 0 {
			m.camp(n)
			return
		}
		if denied == nil {
			denied = &modem.Registration{State: modem.Denied, PLMN: n.PLMN, Operator: n.Name, Technology: n.Technology, Cell: n.Cell, Area: n.Area, Cause: cause}
		}
		if slices.Contains(finalCauses, cause) {
			m.setRegistration(*denied)
			return
		}
		if !slices.Contains(roamableCauses, cause) {
			break
		}
	}
	if denied != nil {
		m.setRegistration(*denied)
	}
	m.search(m.timing.Retry)
}

// answer is what n says to the modem's request to register, 0 for yes.
func (m *Modem) answer(n *Network) modem.RejectCause {
	if n.Deny != 0 {
		return n.Deny
	}
	if n.evolved() && n.Attach != nil && !slices.ContainsFunc(n.Attach, sameName(m.attachAPN.Name)) {
		return esmFailure
	}
	return 0
}

func (m *Modem) camp(n *Network) {
	m.serving = n
	state := modem.Roaming
	if n.PLMN == m.HomePLMN() {
		state = modem.Home
	}
	m.setRegistration(modem.Registration{
		State: state, Attached: true, PLMN: n.PLMN, Operator: n.Name, Technology: n.Technology,
		Cell: n.Cell, Area: n.Area, Band: n.Band, Channel: n.Channel,
	})
	m.tell(Event{Change: SignalChanged})
}

func (m *Modem) setRegistration(r modem.Registration) {
	if r != m.register {
		m.register = r
		m.tell(Event{Change: RegistrationChanged})
	}
}
