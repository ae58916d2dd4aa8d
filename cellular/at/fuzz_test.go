package at

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParams: what is read and can be written reads the same again.
func FuzzParams(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseParams(text)
		if err != nil {
			return
		}
		for i := range p {
			_, _ = p.Int(i)
			_ = p.At(i).Includes(i)
		}
		written, err := p.Format()
		if err != nil {
			return
		}
		if again, err := ParseParams(written); err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%q is written %q and read %+v, %v", text, written, again, err)
		}
	})
}

// FuzzLine: a result that is written reads the same again, and a line that is split
// has lost nothing but its colon and spaces.
func FuzzLine(f *testing.F) {
	for _, line := range []string{"+CREG: 0,1", "OK", "+CME ERROR: 10", "+CME ERROR: SIM busy", "^SYSSTART", "+CMS ERROR: 5", "Revision: 1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if name, rest := Split(line); len(name)+len(rest) > len(line) || !strings.HasPrefix(line, name) || !strings.HasSuffix(strings.TrimSpace(line), strings.TrimSpace(rest)) {
			t.Fatalf("%q is split into %q and %q", line, name, rest)
		}
		refusal, final := Final(line)
		if !final {
			return
		}
		if again, final := Final(Result(refusal)); !final || again != refusal {
			t.Fatalf("%q is %v, written %q and read %v", line, refusal, Result(refusal), again)
		}
	})
}

// FuzzCommands: commands that are read and written are the same again, each by
// itself.
func FuzzCommands(f *testing.F) {
	for _, line := range []string{"AT+CREG?", "ATE0Q0V1&F", `AT+CGDCONT=1,"IP","a;b";+CGACT=1,1`, "ATS0=0", "ATD*99#", "AT!SCACT?1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		commands, err := ParseCommands(line)
		if err != nil {
			return
		}
		for _, c := range commands {
			again, err := ParseCommands("AT" + c.String())
			if err != nil || len(again) != 1 || again[0] != c {
				t.Fatalf("%q: %+v is read again as %+v, %v", line, c, again, err)
			}
		}
	})
}

// FuzzSplitter: no line is empty, too long, or has control characters in it,
// however the octets come in.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("\r\n+CREG: 0,1\r\n\r\nOK\r\n> "), uint8(3))
	f.Add([]byte{0, 0xff, 'A', '\r'}, uint8(1))
	f.Fuzz(func(t *testing.T, octets []byte, step uint8) {
		var s splitter
		for len(octets) > 0 {
			n := min(len(octets), int(step)+1)
			s.add(octets[:n], func(line string) {
				if line == "" || len(line) > 3*maxLine || strings.ContainsAny(line, "\r\n\x00\x1b") || !utf8.ValidString(line) {
					t.Fatalf("line %q", line)
				}
			}, func() {})
			octets = octets[n:]
		}
		if len(s.line) > maxLine {
			t.Fatal("more is kept than a line")
		}
	})
}
