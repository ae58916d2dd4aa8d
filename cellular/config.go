package cellular

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/secret"
)

// Config is one modem: what it may do and how it gets a connection. The zero
// Config is any SIM, which finds its network and its APN by itself.
type Config struct {
	SIMs         []SIM          `json:"sims,omitempty" jsonschema:"the SIMs, the preferred one first; without them the one in slot 1 is used, and any APN is found by itself"`
	Roaming      *bool          `json:"roaming,omitempty" jsonschema:"whether to connect in a network that is not the SIM's own (default true)"`
	Operator     string         `json:"operator,omitempty" jsonschema:"the number of the only network to use, MCC and MNC, such as \"26201\" in quotes (default: the SIM and the modem choose)"`
	Technologies []Technology   `json:"technologies,omitempty" jsonschema:"the only ones to use, of gsm, umts, lte and 5g (default: all that the modem has)"`
	PDNs         map[string]APN `json:"pdns,omitempty" jsonschema:"connections beside that of the SIM, by a name that an interface refers to by pdn"`
}

// SIM is what is known of the SIM in a slot.
type SIM struct {
	Slot   int            `json:"slot,omitempty" jsonschema:"the slot it is in, from 1 (default 1)"`
	PIN    *secret.Secret `json:"pin,omitempty" jsonschema:"its PIN, if it asks for one"`
	APN    *APN           `json:"apn,omitempty" jsonschema:"the only APN to connect to (default: the one that worked last, then the network's own, then what is known of the operator)"`
	Attach *APN           `json:"attach,omitempty" jsonschema:"the APN to register with in LTE and 5G (default: what the modem has, then the network's own)"`
}

// APN is an access point as the configuration writes it.
type APN struct {
	Name     string         `json:"name" jsonschema:"its name; empty leaves it to the network"`
	User     string         `json:"user,omitempty" jsonschema:"the user name, if it wants one"`
	Password *secret.Secret `json:"password,omitempty" jsonschema:"the password"`
	Auth     string         `json:"auth,omitempty" jsonschema:"how the user name is proved, pap or chap (default: chap, then pap)"`
	IP       string         `json:"ip,omitempty" jsonschema:"kind of addresses, ipv4, ipv6 or ipv4v6 (default: both, then what the network allows)"`
}

// Technology is a generation of radio access in the configuration: gsm, umts, lte
// or 5g.
type Technology string

var technologies = map[Technology]modem.Technology{"gsm": modem.GSM, "umts": modem.UMTS, "lte": modem.LTE, "5g": modem.NR}

const (
	defaultSlot = 1
	maxSlots    = 8
	// maxAPN is how long an APN can be (3GPP TS 23.003, 9.1).
	maxAPN = 100
	// maxUser is what MBIM takes of a user name and of a password.
	maxUser = 255
)

var (
	plmn    = regexp.MustCompile(`^[0-9]{5,6}$`)
	pin     = regexp.MustCompile(`^[0-9]{4,8}$`)
	apnName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	auths   = []string{"pap", "chap"}
	kinds   = map[string]modem.Families{"": modem.AnyFamily, "ipv4": modem.IPv4, "ipv6": modem.IPv6, "ipv4v6": modem.IPv4v6}
)

// mayRoam reports whether another network than the SIM's own will do.
func (c Config) mayRoam() bool { return c.Roaming == nil || *c.Roaming }

// sims returns the SIMs in the order of preference, with their slots.
func (c Config) sims() []SIM {
	if len(c.SIMs) == 0 {
		return []SIM{{Slot: defaultSlot}}
	}
	all := slices.Clone(c.SIMs)
	for i := range all {
		if all[i].Slot == 0 {
			all[i].Slot = defaultSlot
		}
	}
	return all
}

// selection is what the modem is told of networks.
func (c Config) selection() modem.Selection {
	s := modem.Selection{PLMN: c.Operator}
	for _, t := range c.Technologies {
		s.Technologies = append(s.Technologies, technologies[t])
		if t == "5g" && slices.Contains(c.Technologies, "lte") {
			s.Technologies = append(s.Technologies, modem.NSA)
		}
	}
	return s
}

// Validate reports everything wrong with c.
func (c Config) Validate() error {
	var errs []error
	used := map[int]bool{}
	for i, s := range c.sims() {
		if len(c.SIMs) == 0 {
			break
		}
		in := func(err error) { errs = append(errs, invalid.In(err, "sims", strconv.Itoa(i))) }
		in(s.validate())
		if used[s.Slot] {
			in(invalid.Field("slot", fmt.Sprintf("slot %d has a SIM already", s.Slot), "give each SIM a slot of its own"))
		}
		used[s.Slot] = true
	}
	if c.Operator != "" && !plmn.MatchString(c.Operator) {
		errs = append(errs, invalid.Field("operator", "is not the number of a network", `write MCC and MNC, five or six digits in quotes, such as "26201"`))
	}
	for i, t := range c.Technologies {
		if _, ok := technologies[t]; !ok {
			errs = append(errs, invalid.In(invalid.Field(strconv.Itoa(i), fmt.Sprintf("there is no technology %q", t), "write gsm, umts, lte or 5g"), "technologies"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.PDNs)) {
		errs = append(errs, invalid.In(c.PDNs[name].validate(), "pdns", name))
	}
	return errors.Join(errs...)
}

func (s SIM) validate() error {
	var errs []error
	if s.Slot < 1 || s.Slot > maxSlots {
		errs = append(errs, invalid.Field("slot", "there is no such slot", "write the number of the slot, from 1"))
	}
	// An unresolved secret has no value yet.
	if s.PIN != nil && s.PIN.Reveal() != "" && !pin.MatchString(s.PIN.Reveal()) {
		errs = append(errs, invalid.Field("pin", "is not a PIN", "a PIN has four to eight digits; in the secrets file it is in quotes"))
	}
	if s.APN != nil {
		errs = append(errs, invalid.In(s.APN.validate(), "apn"))
	}
	if s.Attach != nil {
		errs = append(errs, invalid.In(s.Attach.validate(), "attach"))
	}
	return errors.Join(errs...)
}

func (a APN) validate() error {
	var errs []error
	field := func(name, problem, fix string) { errs = append(errs, invalid.Field(name, problem, fix)) }
	if a.Name != "" && (len(a.Name) > maxAPN || !apnName.MatchString(a.Name)) {
		field("name", "is not the name of an APN", "write letters, digits, hyphens and dots, such as internet.example")
	}
	if len(a.User) > maxUser || strings.ContainsAny(a.User, "\"\r\n\x00") {
		field("user", "cannot be a user name", "write up to 255 characters, without quotes")
	}
	switch {
	case a.User == "" && a.Password != nil:
		field("password", "there is a password without a user", "name the user, or remove the password")
	case a.User == "" && a.Auth != "":
		field("auth", "there is nobody to authenticate", "name the user, or remove auth")
	case a.User != "" && a.Password == nil:
		field("password", "is missing", "name a secret, as in password: {secret: apn}")
	case a.Password != nil && (len(a.Password.Reveal()) > maxUser || strings.ContainsAny(a.Password.Reveal(), "\"\r\n\x00")):
		field("password", "cannot be a password of an APN", "it has up to 255 characters, without quotes")
	}
	if a.Auth != "" && !slices.Contains(auths, a.Auth) {
		field("auth", fmt.Sprintf("there is no %q", a.Auth), "write pap or chap")
	}
	if _, ok := kinds[a.IP]; !ok {
		field("ip", fmt.Sprintf("there is no %q", a.IP), "write ipv4, ipv6 or ipv4v6")
	}
	return errors.Join(errs...)
}

// modem returns the APN as modems know it. How the user name is proved is found out
// where it is not said.
func (a APN) modem() modem.APN {
	m := modem.APN{Name: a.Name, User: a.User, Families: kinds[a.IP]}
	if a.Password != nil {
		m.Password = modem.Password(a.Password.Reveal())
	}
	switch a.Auth {
	case "pap":
		m.Auth = modem.PAP
	case "chap":
		m.Auth = modem.CHAP
	}
	return m
}
