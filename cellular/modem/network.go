package modem

import (
	"fmt"
	"slices"
)

// Technology is a generation of radio access.
type Technology uint8

// The technologies.
const (
	UnknownTechnology Technology = iota
	GSM
	UMTS
	LTE
	// NSA is 5G beside an LTE cell, NR 5G alone.
	NSA
	NR
)

var technologyWords = []string{"unknown", "GSM", "UMTS", "LTE", "LTE with 5G", "5G"}

// String names the technology as operators do.
func (t Technology) String() string { return word(t, technologyWords...) }

// MarshalText is String.
func (t Technology) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *Technology) UnmarshalText(text []byte) error { return unword(t, text, technologyWords...) }

// RegistrationState is whether a network serves a modem.
type RegistrationState uint8

// The states of registration.
const (
	NotRegistered RegistrationState = iota
	Searching
	Home
	Roaming
	// Denied: the network has said no, for the Registration's Cause.
	Denied
)

var registrationWords = []string{"not registered", "searching", "home", "roaming", "denied"}

// String names the state.
func (s RegistrationState) String() string { return word(s, registrationWords...) }

// MarshalText is String.
func (s RegistrationState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *RegistrationState) UnmarshalText(text []byte) error {
	return unword(s, text, registrationWords...)
}

// Registration is which network serves a modem.
type Registration struct {
	State RegistrationState `json:"state"`
	// Attached: there is packet service.
	Attached bool `json:"attached"`
	// PLMN is the number of the network, five or six digits, and Operator its name.
	PLMN       string     `json:"plmn,omitempty"`
	Operator   string     `json:"operator,omitempty"`
	Technology Technology `json:"technology,omitempty"`
	// Cell and Area are the cell's identity and its tracking or location area; both
	// are 0 where they are not known.
	Cell uint64 `json:"cell,omitempty"`
	Area uint32 `json:"area,omitempty"`
	// Band is its name, such as "B20" or "n78", and Channel the number of its
	// frequency (EARFCN, NR-ARFCN).
	Band    string `json:"band,omitempty"`
	Channel uint32 `json:"channel,omitempty"`
	// Cause is why the network has said no, 0 if it has not.
	Cause RejectCause `json:"cause,omitempty"`
}

// Registered reports whether a network serves the modem.
func (r Registration) Registered() bool { return r.State == Home || r.State == Roaming }

// Selection is which network to register with.
type Selection struct {
	// PLMN is five or six digits; empty leaves it to the modem and the SIM.
	PLMN string
	// Technologies that may be used; none means all.
	Technologies []Technology
}

// Equal reports whether s and o select the same.
func (s Selection) Equal(o Selection) bool {
	return s.PLMN == o.PLMN && slices.Equal(s.Technologies, o.Technologies)
}

// Signal is how well the network is heard. What is nil is not known.
type Signal struct {
	// RSSI and RSRP are in dBm, RSRQ and SINR in dB.
	RSSI *float64 `json:"rssi,omitempty"`
	RSRP *float64 `json:"rsrp,omitempty"`
	RSRQ *float64 `json:"rsrq,omitempty"`
	SINR *float64 `json:"sinr,omitempty"`
}

// String lists what is known.
func (s Signal) String() string {
	var text string
	for _, v := range []struct {
		name, unit string
		value      *float64
	}{{"RSSI", "dBm", s.RSSI}, {"RSRP", "dBm", s.RSRP}, {"RSRQ", "dB", s.RSRQ}, {"SINR", "dB", s.SINR}} {
		if v.value == nil {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %g %s", v.name, *v.value, v.unit)
	}
	if text == "" {
		return "not known"
	}
	return text
}
