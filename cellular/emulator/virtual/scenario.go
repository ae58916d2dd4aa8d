package virtual

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Scenario is a modem and the world around it at the beginning. What a file
// leaves out is as in [Default].
type Scenario struct {
	Device Device `json:"device"`
	// Slots are the places for SIMs; the first one is in use.
	Slots    []Slot     `json:"slots"`
	Networks []*Network `json:"networks"`
	// AttachAPN is what the modem asks for when it registers.
	AttachAPN Access `json:"attachAPN"`
	Timing    Timing `json:"timing"`
}

// Device is what the modem is.
type Device struct {
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Firmware     string `json:"firmware"`
	Hardware     string `json:"hardware"`
	// IMEI has 15 digits.
	IMEI string `json:"imei"`
	// Sessions is how many connections there can be at a time.
	Sessions int `json:"sessions"`
	// MBIMEx is the version of Microsoft's extensions of MBIM, "1.0" or "2.0"; empty
	// is a modem that does not know of versions.
	MBIMEx string `json:"mbimex"`
	// HostLock: after each start the radio stays off until the host makes itself known
	// (DMS SET_FCC_AUTHENTICATION and its like).
	HostLock bool `json:"hostLock"`
	// ControlMessage is the length in octets of an MBIM control message's fragments.
	ControlMessage int `json:"controlMessage"`
}

// Slot is a place for a SIM.
type Slot struct {
	// SIM is nil in an empty slot.
	SIM *SIM `json:"sim"`
}

// SIM is a SIM card.
type SIM struct {
	ICCID     string `json:"iccid"`
	IMSI      string `json:"imsi"`
	MNCDigits int    `json:"mncDigits"`
	// Provider is the name of the operator (EF_SPN), and GID1 a group in hexadecimal.
	Provider string `json:"provider"`
	GID1     string `json:"gid1"`
	// PIN is asked for if it is not empty.
	PIN string `json:"pin"`
	PUK string `json:"puk"`
	// PINAttempts and PUKAttempts are how many wrong ones the card takes from now on.
	PINAttempts int `json:"pinAttempts"`
	PUKAttempts int `json:"pukAttempts"`
}

// Network is the cell of an operator that the modem can hear.
type Network struct {
	PLMN       string           `json:"plmn"`
	Name       string           `json:"name"`
	Technology modem.Technology `json:"technology"`
	Band       string           `json:"band"`
	Channel    uint32           `json:"channel"`
	Cell       uint64           `json:"cell"`
	Area       uint32           `json:"area"`
	Signal     modem.Signal     `json:"signal"`
	// Deny is the cause for which the network does not let the modem register.
	Deny modem.RejectCause `json:"deny"`
	// Attach are the names of the APNs that the network accepts when the modem
	// registers; the empty name leaves it to the network. No list accepts all.
	Attach []string `json:"attach"`
	APNs   []*APN   `json:"apns"`
	// hidden: the modem is out of its reach.
	hidden bool
}

// APN is a network behind the operator's.
type APN struct {
	Name string `json:"name"`
	// Default: a modem that names no APN is led here.
	Default bool `json:"default"`
	// User is nobody in particular if it is empty.
	User     string     `json:"user"`
	Password string     `json:"password"`
	Auth     modem.Auth `json:"auth"`
	// Families is what it has; ipv4v6 if it is left out.
	Families modem.Families `json:"families"`
	// Refuse is the cause for which it refuses everybody.
	Refuse modem.SessionCause `json:"refuse"`
	// Pool4 is where the addresses are from: its first one is the network's own. Of
	// Pool6 each connection has a /64.
	Pool4 netip.Prefix `json:"pool4"`
	Pool6 netip.Prefix `json:"pool6"`
	DNS   []netip.Addr `json:"dns"`
	MTU   int          `json:"mtu"`
	// NAT64 is the prefix that router advertisements tell (RFC 8781), if there is one.
	NAT64 netip.Prefix `json:"nat64"`
	// ByRouter: the modem tells hosts their interface identifier of IPv6 alone. Its
	// prefix, and name servers, are in router advertisements.
	ByRouter bool `json:"byRouter"`
	// given is how many addresses have been given out.
	given int
}

// Access is how a modem asks for an APN.
type Access struct {
	Name     string         `json:"name"`
	User     string         `json:"user"`
	Password string         `json:"password"`
	Auth     modem.Auth     `json:"auth"`
	Families modem.Families `json:"families"`
}

func (a Access) apn() modem.APN {
	return modem.APN{Name: a.Name, User: a.User, Password: modem.Password(a.Password), Auth: a.Auth, Families: a.Families}
}

// Timing is how long things take.
type Timing struct {
	// Boot is from power to the bus, SIM from there, or from its insertion, until it
	// can be used.
	Boot Duration `json:"boot"`
	SIM  Duration `json:"sim"`
	// Register is how long it takes to register, Retry until it is tried again.
	Register Duration `json:"register"`
	Retry    Duration `json:"retry"`
	Scan     Duration `json:"scan"`
	Connect  Duration `json:"connect"`
}

// Duration is a time.Duration in Go's notation, such as "1.5s".
type Duration time.Duration

// MarshalText is the duration in Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration that is not negative.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = fmt.Errorf("duration %v is negative", v)
	}
	*d = Duration(v)
	return err
}

// Default is a modem with one SIM at home in LTE.
func Default() Scenario {
	return Scenario{
		Device: Device{
			Manufacturer: "Farspoke", Model: "Virtual LTE", Firmware: "FSV01.02.03", Hardware: "1.0",
			IMEI: "356938035643809", Sessions: 8, MBIMEx: "2.0", ControlMessage: 4096,
		},
		Slots: []Slot{{&SIM{ICCID: "8988211000000530082", IMSI: "001010123456789", MNCDigits: 2, Provider: "Testnet", GID1: "0a1b"}}, {}},
		Networks: []*Network{{
			PLMN: "00101", Name: "Testnet", Technology: modem.LTE, Band: "B20", Channel: 6300, Cell: 27447297, Area: 4711,
			Signal: modem.Signal{RSSI: new(-67.0), RSRP: new(-97.0), RSRQ: new(-11.0), SINR: new(12.0)},
			APNs: []*APN{{
				Name: "internet", Default: true, Families: modem.IPv4v6,
				Pool4: netip.MustParsePrefix("100.72.0.0/24"), Pool6: netip.MustParsePrefix("2001:db8:72::/48"),
				DNS: []netip.Addr{netip.MustParseAddr("100.72.0.1"), netip.MustParseAddr("2001:db8:72::1")}, MTU: 1430,
			}},
		}},
		Timing: Timing{
			Boot: Duration(3 * time.Second), SIM: Duration(500 * time.Millisecond),
			Register: Duration(700 * time.Millisecond), Retry: Duration(10 * time.Second),
			Scan: Duration(5 * time.Second), Connect: Duration(50 * time.Millisecond),
		},
	}
}

// Read reads a scenario in JSON. A field that there is not is an error.
func Read(r io.Reader) (Scenario, error) {
	var s Scenario
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	s = s.withDefaults()
	return s, s.validate()
}

// withDefaults is s with what it leaves out.
func (s Scenario) withDefaults() Scenario {
	d := Default()
	fill(&s.Device.Manufacturer, d.Device.Manufacturer)
	fill(&s.Device.Model, d.Device.Model)
	fill(&s.Device.Firmware, d.Device.Firmware)
	fill(&s.Device.Hardware, d.Device.Hardware)
	fill(&s.Device.IMEI, d.Device.IMEI)
	fill(&s.Device.Sessions, d.Device.Sessions)
	fill(&s.Device.ControlMessage, d.Device.ControlMessage)
	fill(&s.Timing.Boot, d.Timing.Boot)
	fill(&s.Timing.SIM, d.Timing.SIM)
	fill(&s.Timing.Register, d.Timing.Register)
	fill(&s.Timing.Retry, d.Timing.Retry)
	fill(&s.Timing.Scan, d.Timing.Scan)
	fill(&s.Timing.Connect, d.Timing.Connect)
	if s.Slots == nil {
		s.Slots = d.Slots
	}
	if s.Networks == nil {
		s.Networks = d.Networks
	}
	return s
}

func fill[T comparable](v *T, missing T) {
	var zero T
	if *v == zero {
		*v = missing
	}
}

// validate reports what is wrong with s.
func (s Scenario) validate() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.Slots) == 0 {
		complain("there is no SIM slot")
	}
	if !slices.Contains([]string{"", "1.0", "2.0"}, s.Device.MBIMEx) {
		complain("there is no MBIMEx %q here, but 1.0 and 2.0", s.Device.MBIMEx)
	}
	if s.Device.ControlMessage < 64 || s.Device.ControlMessage > 4096 {
		complain("a control message of %d octets is not between 64 and 4096", s.Device.ControlMessage)
	}
	for i, slot := range s.Slots {
		if slot.SIM != nil && !slot.SIM.wellFormed() {
			complain("slot %d: ICCID, IMSI, PIN and PUK are decimal digits, and mncDigits is 2 or 3", i+1)
		}
	}
	for i, n := range s.Networks {
		if n == nil || slices.Contains(n.APNs, nil) {
			complain("network %d, or one of its APNs, is null", i+1)
			continue
		}
		if !digits(n.PLMN) || len(n.PLMN) < 5 || len(n.PLMN) > 6 {
			complain("PLMN %q has not five or six digits", n.PLMN)
		}
		for _, a := range n.APNs {
			if a.Pool4.IsValid() && (!a.Pool4.Addr().Is4() || a.Pool4.Bits() > 24) {
				complain("APN %s: pool4 %v is no IPv4 prefix of at most 24 bits", a.Name, a.Pool4)
			}
			if a.Pool6.IsValid() && (!a.Pool6.Addr().Is6() || a.Pool6.Bits() > 48) {
				complain("APN %s: pool6 %v is no IPv6 prefix of at most 48 bits", a.Name, a.Pool6)
			}
			if f := a.families(); f != modem.IPv6 && !a.Pool4.IsValid() || f != modem.IPv4 && !a.Pool6.IsValid() {
				complain("APN %s: a family has no pool of addresses", a.Name)
			}
		}
	}
	return errors.Join(errs...)
}

func (s *SIM) wellFormed() bool {
	return digits(s.ICCID) && digits(s.IMSI) && len(s.IMSI) >= 6 && (s.MNCDigits == 2 || s.MNCDigits == 3) &&
		(s.PIN == "" || digits(s.PIN)) && (s.PUK == "" || digits(s.PUK))
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Gateways are the networks' own addresses in the pools of their APNs: the first of
// each.
func (s Scenario) Gateways() (all []netip.Prefix) {
	for _, n := range s.Networks {
		for _, a := range n.APNs {
			for _, pool := range []netip.Prefix{a.Pool4, a.Pool6} {
				if !pool.IsValid() {
					continue
				}
				own := netip.PrefixFrom(pool.Masked().Addr().Next(), pool.Bits())
				if !slices.Contains(all, own) {
					all = append(all, own)
				}
			}
		}
	}
	return all
}

func (n *Network) clone() *Network {
	c := *n
	c.APNs = nil
	for _, a := range n.APNs {
		apn := *a
		c.APNs = append(c.APNs, &apn)
	}
	return &c
}
