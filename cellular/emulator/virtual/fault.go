package virtual

import (
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
)

// network returns the network of a PLMN, the first one if that is empty.
func (m *Modem) network(plmn string) (*Network, error) {
	for _, n := range m.networks {
		if n.PLMN == plmn || plmn == "" {
			return n, nil
		}
	}
	return nil, fmt.Errorf("there is no network %s", plmn)
}

// Change changes a network; here and below an empty PLMN is the first one. Whom it
// serves registers anew, and so meets the change; whom it has refused for good does
// not.
func (m *Modem) Change(plmn string, f func(*Network) error) error {
	n, err := m.network(plmn)
	if err != nil {
		return err
	}
	if err := f(n); err != nil {
		return err
	}
	if m.register.State == modem.Denied && m.attempt == nil {
		return nil
	}
	if m.onBus && (n == m.serving || m.serving == nil) {
		m.deregister(modem.Searching)
	}
	m.reconsider()
	return nil
}

// Cover takes a network out of reach or brings it back.
func (m *Modem) Cover(plmn string, reachable bool) error {
	n, err := m.network(plmn)
	if err != nil {
		return err
	}
	n.hidden = !reachable
	m.reconsider()
	return nil
}

// SetSignal has a network be heard better or worse.
func (m *Modem) SetSignal(plmn string, s modem.Signal) error {
	n, err := m.network(plmn)
	if err != nil {
		return err
	}
	n.Signal = s
	if n == m.serving {
		m.tell(Event{Change: SignalChanged})
	}
	return nil
}

// ChangeAPN changes an APN, for connections from now on.
func (m *Modem) ChangeAPN(plmn, name string, f func(*APN)) error {
	n, err := m.network(plmn)
	if err != nil {
		return err
	}
	for _, a := range n.APNs {
		if sameName(name)(a.Name) {
			f(a)
			return nil
		}
	}
	return fmt.Errorf("network %s has no APN %s", n.PLMN, name)
}

// Drop has the network end a connection.
func (m *Modem) Drop(number int, cause modem.SessionCause) error {
	s, ok := m.sessions[number]
	if !ok {
		return ErrNotConnected
	}
	m.end(s, cause)
	return nil
}

// Readdress has the network give a connection other addresses.
func (m *Modem) Readdress(number int) error {
	return m.reconfigure(number, func(s *Session) { s.apn.address(s) })
}

// SetMTU has the network give a connection another MTU.
func (m *Modem) SetMTU(number, mtu int) error {
	return m.reconfigure(number, func(s *Session) { s.Granted.MTU = mtu })
}

func (m *Modem) reconfigure(number int, f func(*Session)) error {
	s, ok := m.sessions[number]
	if !ok || !s.Up {
		return ErrNotConnected
	}
	f(s)
	m.tell(Event{SessionChanged, s})
	return nil
}

// LoseData has all packets lost without a word, or no longer.
func (m *Modem) LoseData(lost bool) { m.dataLost = lost }
