package apn

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

// found lists what lookup finds, as "APN (provider)".
func found(sim modem.SIM) string {
	var words []string
	for _, e := range lookup(sim) {
		words = append(words, e.apn.Name+" ("+e.provider+")")
	}
	return strings.Join(words, ", ")
}

func TestLookup(t *testing.T) {
	for _, test := range []struct {
		name  string
		sim   modem.SIM
		first string // APNs that are found, or where none may be, empty
	}{
		{"two digits", modem.SIM{IMSI: "262011234567890", MNCDigits: 2}, "internet.t-d1.de (T-Mobile(Telekom)), internet.t-mobile (T-Mobile(Telekom)), internet.v6.telekom (T-Mobile(Telekom)), internet.telekom (T-Mobile(Telekom))"},
		{"two digits, length unknown", modem.SIM{IMSI: "228011234567890"}, "gprs.swisscom.ch (Swisscom)"},
		{"three digits", modem.SIM{IMSI: "310410123456789", MNCDigits: 3}, "NXTGENPHONE (AT&T)"},
		{"three digits, length unknown", modem.SIM{IMSI: "310410123456789"}, "NXTGENPHONE (AT&T)"},
		{"three digits in India, where both lengths occur", modem.SIM{IMSI: "405803123456789"}, "aircelweb (AIRCEL), "},
		{"length that no provider has", modem.SIM{IMSI: "262011234567890", MNCDigits: 3}, ""},
		{"virtual operator by its name", modem.SIM{IMSI: "234101234567890", MNCDigits: 2, Provider: "giffgaff"}, "giffgaff.com (giffgaff), mobile.o2.co.uk (O2)"},
		{"virtual operator by a name like it", modem.SIM{IMSI: "262011234567890", MNCDigits: 2, Provider: "congstar.de"}, "internet.t-mobile (Congstar), internet.t-d1.de (T-Mobile(Telekom))"},
		{"virtual operator without networks of its own", modem.SIM{IMSI: "262071234567890", MNCDigits: 2, Provider: "winSIM"}, "internet (winSIM), "},
		{"network of the virtual operator that has no name", modem.SIM{IMSI: "234101234567890", MNCDigits: 2}, "mobile.o2.co.uk (O2)"},
		{"unknown network", modem.SIM{IMSI: "999991234567890", MNCDigits: 2}, ""},
		{"no IMSI", modem.SIM{}, ""},
		{"an MNC of a length that there is not", modem.SIM{IMSI: "228011234567890", MNCDigits: 15}, "gprs.swisscom.ch (Swisscom)"},
		{"an IMSI of nothing but a country", modem.SIM{IMSI: "262"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := found(test.sim)
			if !strings.HasPrefix(got, test.first) || (got == "") != (test.first == "") {
				t.Errorf("found %q, want %q first", got, test.first)
			}
		})
	}
}

func TestLookupReadsCredentials(t *testing.T) {
	got := lookup(modem.SIM{IMSI: "234101234567890", MNCDigits: 2, Provider: "giffgaff"})[0].apn
	if want := (modem.APN{Name: "giffgaff.com", User: "giffgaff", Password: "password"}); got != want {
		t.Errorf("read %#v", got)
	}
	for _, test := range []struct {
		line string
		want entry
	}{
		{"a", entry{apn: modem.APN{Name: "a"}}},
		{"a\tu\tp\tchap\tPlan", entry{apn: modem.APN{Name: "a", User: "u", Password: "p", Auth: modem.CHAP}, plan: "Plan"}},
		{"a\tu\tp\tpap", entry{apn: modem.APN{Name: "a", User: "u", Password: "p", Auth: modem.PAP}}},
	} {
		if got := parse(strings.Split(test.line, "\t")); got != test.want {
			t.Errorf("%q is read as %#v", test.line, got)
		}
	}
}

// TestEveryProviderIsFound asks for each network of the database by an IMSI with
// and without the length of the MNC.
func TestEveryProviderIsFound(t *testing.T) {
	networks := 0
	for line := range strings.Lines(providers) {
		if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "#") {
			continue
		}
		numbers, names, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, _, _ := strings.Cut(names, "\t")
		for number := range strings.FieldsSeq(numbers) {
			if len(number) == 3 {
				continue
			}
			networks++
			imsi := (number + "0123456789")[:15]
			if got := found(modem.SIM{IMSI: imsi, MNCDigits: len(number) - 3, Provider: name}); !strings.Contains(got, "("+name+")") {
				t.Errorf("%s of %s: found %q", number, name, got)
			}
			if found(modem.SIM{IMSI: imsi}) == "" {
				t.Errorf("%s is not found without the length of its MNC", number)
			}
		}
	}
	if networks < 900 {
		t.Errorf("the database has %d networks only", networks)
	}
}

func TestDatabaseIsSmall(t *testing.T) {
	if len(providers) > 64<<10 {
		t.Errorf("the database has %d octets", len(providers))
	}
}

// FuzzLookup: a SIM may hold anything.
func FuzzLookup(f *testing.F) {
	f.Add("262011234567890", 2, "congstar")
	f.Add("310410123456789", 0, "")
	f.Add("26", -9, "\x00")
	f.Fuzz(func(t *testing.T, imsi string, digits int, operator string) {
		for _, e := range lookup(modem.SIM{IMSI: imsi, MNCDigits: digits, Provider: operator}) {
			if e.apn.Name == "" || e.provider == "" {
				t.Errorf("found %v of %q", e.apn, e.provider)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		lookup(modem.SIM{IMSI: "262011234567890"})
	}
}
