package simfile

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"
)

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		name, octets, want string
		read               func([]byte) (string, error)
	}{
		{"ICCID of 20 digits", "98941000000000000021", "89490100000000000012", ICCID},
		{"ICCID of 19 digits", "984410000000000000f1", "8944010000000000001", ICCID},
		{"no ICCID", "ffffffffffffffffffff", "", ICCID},
		{"ICCID with a letter", "98a41000000000000021", "", ICCID},
		{"IMSI of 15 digits", "08 29 26 10 32 54 76 98 10", "262012345678901", IMSI},
		{"IMSI of 14 digits", "08 21 26 10 32 54 76 98 f0", "26201234567890", IMSI},
		{"no IMSI", "ff ffffffffffffffff", "", IMSI},
		{"IMSI that announces more than there is", "08 29 26", "", IMSI},
		{"IMSI that is empty", "00 ff", "", IMSI},
		{"no octets", "", "", IMSI},
		{"IMSI with a letter", "02 29 a6", "", IMSI},
		{"IMSI that starts with a letter", "02 a9 26", "", IMSI},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.read(octets(t, c.octets))
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestMNCDigits(t *testing.T) {
	for text, want := range map[string]int{"00000002": 2, "00000003": 3, "000000f3": 3, "00000001": 0, "000000": 0, "": 0, "0000000200": 2} {
		if got := MNCDigits(octets(t, text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestProvider(t *testing.T) {
	for text, want := range map[string]string{
		"01 54657374 ffffffff":                "Test",
		"00 5b4d7f ffff":                      "ÄMà",
		"00 80 0416 20ac ffff":                "Ж€",
		"00 81 03 08 41 96 b0 ff":             "AЖа",
		"00 82 02 0400 96 41 ff":              "ЖA",
		"00 82 ff 0400 b0":                    "а",
		"00 41 90 ff":                         "A�",
		"00 81 03":                            "�¥",
		"00 202020 41 2020 ff":                "A",
		"00":                                  "",
		"":                                    "",
		"00 ffffffffffffffffffffffffffffffff": "",
		"01 80 d83d de00 ffff":                "😀",
		"01 80 d83d ffff":                     "�",
	} {
		if got := Provider(octets(t, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestGroup(t *testing.T) {
	for text, want := range map[string]string{"0102ffff": "0102", "ffff": "", "": "", "a0ff01": "a0ff01"} {
		if got := Group(octets(t, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzFiles: whatever a SIM says is read as digits and as text that prints.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{"98941000000000000021", "0829261032547698 10", "00 81 03 08 41 96 b0 ff", "0180d83dde00"} {
		f.Add(octets(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte) (string, error){ICCID, IMSI} {
			if s, err := read(b); strings.Trim(s, "0123456789") != "" || (err == nil) != (s != "") {
				t.Errorf("%q, %v", s, err)
			}
		}
		_, _ = MNCDigits(b), Group(b)
		if s := Provider(b); !utf8.ValidString(s) || len(s) > 4*len(b) {
			t.Errorf("%q", s)
		}
	})
}
