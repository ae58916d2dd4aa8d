package ikev2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/secret"
)

// Config is the configuration's ipsec: profiles by name.
type Config map[string]Profile

// Profile is how traffic to some peers is protected.
type Profile struct {
	Local  Local  `json:"local" jsonschema:"how the box proves who it is"`
	Remote Remote `json:"remote,omitzero" jsonschema:"who the peers must prove to be"`

	IKE []string `json:"ike,omitempty" jsonschema:"proposals for the IKE SA, the preferred first, such as aes256gcm16-prfsha384-ecp384 or aes256-sha256-modp2048"`
	ESP []string `json:"esp,omitempty" jsonschema:"proposals for ESP, the preferred first, such as aes256gcm16 or aes256-sha1; with pfs a group may follow, else that of the IKE SA is used; esn or noesn insists on long or plain sequence numbers, else the peer has the choice"`
	PFS bool     `json:"pfs,omitempty" jsonschema:"whether each rekeying of ESP brings a key exchange of its own; the peer must be configured alike"`

	Lifetime    time.Duration `json:"lifetime,omitempty" jsonschema:"lifetime of the ESP keys; they are renewed before it ends (default 1h)"`
	IKELifetime time.Duration `json:"ike-lifetime,omitempty" jsonschema:"lifetime of the IKE SA's keys; they are renewed before it ends (default 24h)"`
	DPD         time.Duration `json:"dpd,omitempty" jsonschema:"after how long a silence the peer is asked whether it lives (default 30s)"`

	StartOn4500 bool `json:"start-on-4500,omitempty" jsonschema:"whether IKE begins at UDP port 4500 instead of 500, for a path that treats port 500 specially; without it, a box that gets no answer at 500 finds out by itself"`
}

// Local is our side.
type Local struct {
	ID  string        `json:"id,omitempty" jsonschema:"our identity: a domain name, user@domain, an address, or key-id: and a text (default: our address on the underlay)"`
	PSK secret.Secret `json:"psk" jsonschema:"the pre-shared key"`
}

// Remote is the peer's side.
type Remote struct {
	ID string `json:"id,omitempty" jsonschema:"the peer's identity: a domain name, user@domain, an address, or key-id: and a text (default: its address), or any"`
}

// anyID accepts whoever knows the pre-shared key.
const anyID = "any"

const (
	defaultLifetime    = time.Hour
	defaultIKELifetime = 24 * time.Hour
	defaultDPD         = 30 * time.Second

	minLifetime = time.Minute
	minDPD      = 5 * time.Second
)

// The proposals of a profile that names none: what RFC 8247 and RFC 8221 ask
// for, the fastest first.
var (
	defaultIKE = []string{
		"aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp256-ecp384-curve25519-modp2048",
		"aes256-aes128-sha512-sha384-sha256-ecp256-ecp384-curve25519-modp2048",
	}
	defaultESP = []string{"aes256gcm16", "aes128gcm16", "aes256-sha256", "aes256-sha1"}
)

// WithDefaults returns p with the default in every field that was left out.
func (p Profile) WithDefaults() Profile {
	if len(p.IKE) == 0 {
		p.IKE = defaultIKE
	}
	if len(p.ESP) == 0 {
		p.ESP = defaultESP
	}
	if p.Lifetime == 0 {
		p.Lifetime = defaultLifetime
	}
	if p.IKELifetime == 0 {
		p.IKELifetime = defaultIKELifetime
	}
	if p.DPD == 0 {
		p.DPD = defaultDPD
	}
	return p
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c)) {
		errs = append(errs, invalid.In(c[name].Validate(), name))
	}
	return errors.Join(errs...)
}

// Validate says what is wrong with the profile.
func (p Profile) Validate() error {
	p = p.WithDefaults()
	errs := []error{p.Local.validate(), p.Remote.validate()}
	_, err := offer(p.IKE, suite.ParseIKE, "ike")
	errs = append(errs, err)
	esp, err := offer(p.ESP, suite.ParseESP, "esp")
	errs = append(errs, err)
	if !p.PFS && len(esp.Groups()) > 0 {
		errs = append(errs, invalid.Field("esp", "names a key exchange group although pfs is off", "write pfs: true, or leave out the group"))
	}
	for _, d := range []struct {
		name         string
		value, least time.Duration
	}{{"lifetime", p.Lifetime, minLifetime}, {"ike-lifetime", p.IKELifetime, minLifetime}, {"dpd", p.DPD, minDPD}} {
		if d.value < d.least {
			errs = append(errs, invalid.Field(d.name, fmt.Sprintf("is %s", d.value), fmt.Sprintf("write %s or more", d.least)))
		}
	}
	return errors.Join(errs...)
}

func (l Local) validate() error {
	var errs []error
	if l.ID != "" {
		if _, err := wire.ParseIdentity(l.ID); err != nil {
			errs = append(errs, invalid.Field("id", err.Error(), "write a domain name, user@domain, an address, or key-id:TEXT"))
		}
	}
	key, err := presharedKey(l.PSK.Reveal())
	switch {
	case l.PSK.Name == "":
		errs = append(errs, invalid.Field("psk", "is missing", "name a secret, as in psk: {secret: ike-hq}"))
	case err != nil:
		errs = append(errs, invalid.Field("psk", err.Error(), "write two hexadecimal digits for each octet after 0x, or a key that does not begin with 0x"))
	case key != "" && (len(key) < minPSK || len(slices.Compact([]byte(key))) == 1):
		errs = append(errs, invalid.Field("psk", "can be guessed", "take 32 random characters, as from openssl rand -base64 24"))
	}
	return invalid.In(errors.Join(errs...), "local")
}

func (r Remote) validate() error {
	if r.ID == "" || r.ID == anyID {
		return nil
	}
	if _, err := wire.ParseIdentity(r.ID); err != nil {
		return invalid.In(invalid.Field("id", err.Error(), "write a domain name, user@domain, an address, key-id:TEXT, or any"), "remote")
	}
	return nil
}

// Warnings returns what is allowed and unwise.
func (c Config) Warnings() []*invalid.Error {
	var all []*invalid.Error
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if bits := strength(c[name].Local.PSK.Reveal()); bits > 0 && bits < wantedPSKBits {
			all = append(all, &invalid.Error{
				Path:    []string{name, "local", "psk"},
				Problem: fmt.Sprintf("holds %d bits at best, and whoever takes the hub's place for a moment can try keys at leisure", bits),
				Fix:     "take 32 random characters, as from openssl rand -base64 24",
			})
		}
		all = append(all, c[name].legacy(name)...)
	}
	return all
}

// legacy returns a warning for each proposal that is there for an old hub only.
func (p Profile) legacy(name string) []*invalid.Error {
	var all []*invalid.Error
	for _, field := range []struct {
		name  string
		words []string
		parse func(string) (suite.Proposal, error)
	}{{"ike", p.IKE, suite.ParseIKE}, {"esp", p.ESP, suite.ParseESP}} {
		for i, word := range field.words {
			if proposal, err := field.parse(word); err == nil && proposal.Legacy() {
				all = append(all, &invalid.Error{
					Path:    []string{name, field.name, strconv.Itoa(i)},
					Problem: fmt.Sprintf("%s is below what RFC 8247 allows; who records the traffic may read it in some years", word),
					Fix:     "agree with the hub on modp2048 or ecp256",
				})
			}
		}
	}
	return all
}

func offer(words []string, parse func(string) (suite.Proposal, error), field string) (suite.Offer, error) {
	var o suite.Offer
	var errs []error
	for i, word := range words {
		p, err := parse(word)
		if err != nil {
			errs = append(errs, invalid.Index(err, field, i))
			continue
		}
		o = append(o, p)
	}
	return o, errors.Join(errs...)
}

// resolve returns what a session needs. p must be valid and its secret known.
func (p Profile) resolve() (session.Config, error) {
	p = p.WithDefaults()
	c := session.Config{
		PSKName:     p.Local.PSK.Name,
		AnyRemoteID: p.Remote.ID == anyID,
		PFS:         p.PFS, Lifetime: p.Lifetime, IKELifetime: p.IKELifetime, DPD: p.DPD, StartNAT: p.StartOn4500,
	}
	var err error
	if c.PSK, err = presharedKey(p.Local.PSK.Reveal()); err != nil {
		return c, fmt.Errorf("%s %w", p.Local.PSK, err)
	}
	if c.PSK == "" {
		return c, fmt.Errorf("%s has no value", p.Local.PSK)
	}
	var errs [4]error
	if p.Local.ID != "" {
		c.LocalID, errs[0] = wire.ParseIdentity(p.Local.ID)
	}
	if p.Remote.ID != "" && !c.AnyRemoteID {
		c.RemoteID, errs[1] = wire.ParseIdentity(p.Remote.ID)
	}
	c.IKE, errs[2] = offer(p.IKE, suite.ParseIKE, "ike")
	c.ESP, errs[3] = offer(p.ESP, suite.ParseESP, "esp")
	return c, errors.Join(errs[:]...)
}

// fingerprint tells whether a saved session was made under the same profile, as
// the operator wrote it: neither another default nor a field that a newer
// version adds makes it another one. It does not give the key away.
func (p Profile) fingerprint(name string) (string, error) {
	text, err := json.Marshal(struct {
		Name    string
		Profile Profile
		PSK     string
	}{name, p, p.Local.PSK.Reveal()})
	if err != nil {
		return "", fmt.Errorf("fingerprint profile %s: %w", name, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
