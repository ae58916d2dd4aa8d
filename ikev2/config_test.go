package ikev2

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/secret"
)

func TestValidate(t *testing.T) {
	good := Profile{Local: Local{ID: "branch-17.example.net", PSK: secret.New("ike-hq", goodKey)}, Remote: Remote{ID: "hub1.example.net"}, PFS: true}
	with := func(change func(*Profile)) Config {
		p := good
		change(&p)
		return Config{"hq": p}
	}
	for name, test := range map[string]struct {
		config Config
		path   string
		want   string
	}{
		"good":              {with(func(*Profile) {}), "", ""},
		"seed's words":      {with(func(p *Profile) { p.IKE, p.ESP = []string{"aes256-sha1-modp2048"}, []string{"aes256-sha1"} }), "", ""},
		"unresolved key":    {with(func(p *Profile) { p.Local.PSK = secret.Secret{Name: "ike-hq"} }), "", ""},
		"any peer":          {with(func(p *Profile) { p.Remote.ID = "any" }), "", ""},
		"no key":            {with(func(p *Profile) { p.Local.PSK = secret.Secret{} }), "hq.local.psk", "is missing"},
		"short key":         {with(func(p *Profile) { p.Local.PSK = secret.New("ike-hq", "cisco") }), "hq.local.psk", "can be guessed"},
		"hexadecimal key":   {with(func(p *Profile) { p.Local.PSK = secret.New("ike-hq", "0x00112233445566778899aabbccddeeff") }), "", ""},
		"short hexadecimal": {with(func(p *Profile) { p.Local.PSK = secret.New("ike-hq", "0x00112233445566") }), "hq.local.psk", "can be guessed"},
		"not hexadecimal":   {with(func(p *Profile) { p.Local.PSK = secret.New("ike-hq", "0x00112233445566g") }), "hq.local.psk", "begins with 0x"},
		"key ids":           {with(func(p *Profile) { p.Local.ID, p.Remote.ID = "key-id:branch-17", "key-id:hub" }), "", ""},
		"repeated key":      {with(func(p *Profile) { p.Local.PSK = secret.New("ike-hq", "aaaaaaaaaaaaaaaaaaaaaaaa") }), "hq.local.psk", "can be guessed"},
		"bad local id":      {with(func(p *Profile) { p.Local.ID = "branch 17" }), "hq.local.id", "blanks"},
		"bad remote id":     {with(func(p *Profile) { p.Remote.ID = "hub 1" }), "hq.remote.id", "blanks"},
		"weak group":        {with(func(p *Profile) { p.IKE = []string{"aes256-sha1-modp2048", "aes256-sha1-modp1536"} }), "hq.ike.1", "group 5"},
		"unknown cipher":    {with(func(p *Profile) { p.ESP = []string{"aes265"} }), "hq.esp.0", "no algorithm we know"},
		"group without pfs": {with(func(p *Profile) { p.PFS, p.ESP = false, []string{"aes256gcm16-ecp256"} }), "hq.esp", "pfs is off"},
		"short lifetime":    {with(func(p *Profile) { p.Lifetime = time.Second }), "hq.lifetime", "is 1s"},
		"short dpd":         {with(func(p *Profile) { p.DPD = time.Millisecond }), "hq.dpd", "is 1ms"},
	} {
		t.Run(name, func(t *testing.T) {
			errs := invalid.List(test.config.Validate())
			if test.path == "" {
				if len(errs) > 0 {
					t.Errorf("Validate: %v", errs)
				}
				return
			}
			if len(errs) != 1 || strings.Join(errs[0].Path, ".") != test.path || !strings.Contains(errs[0].Problem, test.want) {
				t.Errorf("Validate: %v; want one error at %s with %q", errs, test.path, test.want)
			}
		})
	}
}

func TestWarnsOfWeakKeys(t *testing.T) {
	for key, weak := range map[string]bool{
		"tenant1-wildcard-psk":             true,
		"Zk3vX9q+TfYw7mBhR2dLsN8pQ4cJ6gAe": false,
		"":                                 false,

		"0x00112233445566778899aabbccddeeff": false,
		"0x00112233445566778899aabbccddee":   true,
	} {
		c := Config{"hq": {Local: Local{PSK: secret.New("ike-hq", key)}}}
		if got := len(c.Warnings()) > 0; got != weak {
			t.Errorf("key %q: warned %v, want %v", key, got, weak)
		}
	}
}

func TestWarnsOfLegacyProposals(t *testing.T) {
	p := Profile{Local: Local{PSK: secret.New("ike-hq", goodKey)}, IKE: []string{"aes256-sha1-modp2048", "legacy-aes128-sha1-modp1536"}}
	warnings := Config{"hq": p}.Warnings()
	if len(warnings) != 1 || strings.Join(warnings[0].Path, ".") != "hq.ike.1" {
		t.Errorf("Warnings: %v, want one at hq.ike.1", warnings)
	}
}

func TestFingerprint(t *testing.T) {
	print := func(p Profile) string {
		f, err := p.fingerprint("hq")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := testProfile(goodKey), testProfile(goodKey+"!")
	if print(a) == print(b) {
		t.Error("the fingerprint does not tell keys apart")
	}
	if print(a) != print(testProfile(goodKey)) {
		t.Error("equal profiles have different fingerprints")
	}
}

// TestPresharedKeys reads keys as text, of at least 64 octets, and as hexadecimal
// digits.
func TestPresharedKeys(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{long: long, "plain": "plain", "0x00ff10": "\x00\xff\x10", "0x": "", "": ""} {
		p := Profile{Local: Local{PSK: secret.New("ike-hq", text)}}
		if got, err := presharedKey(text); err != nil || got != want {
			t.Errorf("presharedKey(%q) = %q, %v; want %q", text, got, err, want)
		}
		if c, err := p.resolve(); want != "" && (err != nil || c.PSK != want) || want == "" && err == nil {
			t.Errorf("key %q becomes %q, %v", text, c.PSK, err)
		}
	}
	if _, err := presharedKey("0xsecret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("presharedKey: %v", err)
	}
}

// TestEveryKeyIsDocumented demands a line in docs/configuration.md for each key
// of a profile.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Profile]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.Contains(string(page), "\n| `"+key) {
			t.Errorf("docs/configuration.md has no line for %s", key)
		}
	}
}
