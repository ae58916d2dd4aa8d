package atside

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// terminal is who types commands.
type terminal struct {
	*testing.T
	modem *virtual.Modem
	side  *Side
	said  strings.Builder
}

// inBubble runs f in virtual time with a modem that has registered.
func inBubble(t *testing.T, s virtual.Scenario, f func(c *terminal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, err := virtual.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		c := &terminal{T: t, modem: m}
		c.side = New(m, func(b []byte) { c.said.Write(b) })
		c.pass(2 * time.Second)
		c.said.Reset()
		f(c)
		c.side.Close()
	})
}

func (c *terminal) pass(d time.Duration) {
	c.modem.Do(func() {}) // what it says next comes after what was read of it by now
	time.Sleep(d)
	synctest.Wait()
}

// expect sends octets and compares what the modem has said within a second.
func (c *terminal) expect(octets, want string) {
	c.Helper()
	c.said.Reset()
	c.side.Receive([]byte(octets))
	c.pass(time.Second)
	if got := c.said.String(); got != want {
		c.Errorf("%q is answered %q, want %q", octets, got, want)
	}
}

func TestLines(t *testing.T) {
	inBubble(t, virtual.Default(), func(c *terminal) {
		c.expect("AT\r", "AT\r\r\nOK\r\n")
		c.expect("ATE0\r", "ATE0\r\r\nOK\r\n")
		c.expect("at\r", "\r\nOK\r\n")
		c.expect("A/\r", "\r\nOK\r\n")
		c.expect("ATX\b+CGSN\x1bAT\r", "\r\nOK\r\n")
		c.expect("hello\r", "")
		c.expect("AT+NONE\r", "\r\nERROR\r\n")
		c.expect("AT+CREG=\"\r", "\r\nERROR\r\n")
		c.expect("AT+CMEE=3\r", "\r\nERROR\r\n")
		c.expect("AT+CMEE=1;+CMEE=9\r", "\r\n+CME ERROR: 50\r\n")
		c.expect("AT+CMEE=2;+CMEE=9\r", "\r\n+CME ERROR: incorrect parameters\r\n")
		c.expect("ATE0;+CGSN;+CGMM\r", "\r\n356938035643809\r\n\r\nVirtual LTE\r\n\r\nOK\r\n")
		c.expect("AT+CGSN;+NONE;+CGMM\r", "\r\n356938035643809\r\n\r\nERROR\r\n")
		c.expect("AT"+strings.Repeat("x", 3*maxLine)+"\rAT\r", "\r\nERROR\r\n\r\nOK\r\n")
	})
}

// TestOneAtATime: what comes while the modem is busy waits, and not without end.
func TestOneAtATime(t *testing.T) {
	inBubble(t, virtual.Default(), func(c *terminal) {
		c.expect("ATE0\r", "ATE0\r\r\nOK\r\n")
		c.said.Reset()
		c.side.Receive([]byte("AT+COPS=?\r" + strings.Repeat("AT+CGSN\r", 2*maxLines)))
		c.pass(time.Minute)
		got := c.said.String()
		if !strings.HasPrefix(got, "\r\n+COPS: (2,\"Testnet\",\"Testnet\",\"00101\",7),,(0-4),(0-2)\r\n\r\nOK\r\n\r\n356938035643809") {
			t.Errorf("%q", got)
		}
		if n := strings.Count(got, "356938035643809"); n != maxLines {
			t.Errorf("%d lines waited", n)
		}
	})
}

func TestTold(t *testing.T) {
	inBubble(t, virtual.Default(), func(c *terminal) {
		c.expect("ATE0+CMEE=1;+CEREG=3;+CREG=1;+CGEREP=2,1\r", "ATE0+CMEE=1;+CEREG=3;+CREG=1;+CGEREP=2,1\r\r\nOK\r\n")
		c.expect("AT+CEREG?;+CREG?;+CGREG?\r", "\r\n+CEREG: 3,1,\"1267\",\"01A2D001\",7\r\n\r\n+CREG: 1,1\r\n\r\n+CGREG: 0,0\r\n\r\nOK\r\n")
		c.expect("AT+CGACT=1,1\r", "\r\nOK\r\n\r\n+CGEV: ME PDN ACT 1\r\n")
		c.said.Reset()
		c.modem.Do(func() { _ = c.modem.Readdress(0) })
		if got := c.said.String(); got != "\r\n+CGEV: NW MODIFY 1,0,0\r\n" {
			t.Errorf("%q", got)
		}
		c.modem.Do(func() { _ = c.modem.Drop(0, 36) })
		c.modem.Do(func() { _ = c.modem.Change("", func(n *virtual.Network) error { n.Deny = 11; return nil }) })
		c.pass(time.Second)
		if got := c.said.String(); !strings.Contains(got, "+CGEV: NW PDN DEACT 1") || !strings.Contains(got, "\r\n+CEREG: 3,,,,0,11\r\n") || !strings.Contains(got, "\r\n+CREG: 3\r\n") {
			t.Errorf("%q", got)
		}
		c.expect("AT+CGACT=1,1\r", "\r\n+CME ERROR: 30\r\n")
	})
}

// TestRestart: a modem that starts again answers nobody for what was begun before,
// and has forgotten what it was told.
func TestRestart(t *testing.T) {
	inBubble(t, virtual.Default(), func(c *terminal) {
		c.expect("ATE0\r", "ATE0\r\r\nOK\r\n")
		c.expect("AT+CFUN=1,1\rAT+CGSN\rAT+COPS=?\r", "\r\nOK\r\n\r\n356938035643809\r\n\r\nOK\r\n")
		c.pass(20 * time.Second)
		c.said.Reset()
		c.expect("AT\r", "AT\r\r\nOK\r\n")
	})
}

// FuzzReceive: whatever a host sends, the modem goes on.
func FuzzReceive(f *testing.F) {
	for _, line := range []string{
		"AT+CPIN?", `AT+CPIN="1234"`, `AT+CRSM=176,28589,0,0,4`, `AT+CGDCONT=1,"IP","x"`, "AT+CGACT=1,1", "AT+CGCONTRDP=1", "AT+COPS=?",
		`AT+COPS=1,2,"00101",7`, "AT+CGATT=0", "AT+CFUN=1,1", "AT+QUIMSLOT=2", "AT+CPINR;+UPINCNT", "AT+CGAUTH=1,1,u,p", "ATE0V1\bX\x1bA/",
	} {
		f.Add([]byte(line+"\r"), true)
	}
	f.Fuzz(func(t *testing.T, octets []byte, locked bool) {
		s := virtual.Default()
		if locked {
			s.Slots[0].SIM.PIN = "1234"
		}
		inBubble(t, s, func(c *terminal) {
			c.side.Receive(octets)
			c.pass(time.Hour)
			c.side.Receive([]byte("\r"))
			c.pass(time.Hour)
			c.said.Reset()
			c.side.Receive([]byte("AT\r"))
			c.pass(time.Second)
			if !strings.HasSuffix(c.said.String(), "\r\nOK\r\n") {
				t.Errorf("after %q AT is answered %q", octets, c.said.String())
			}
		})
	})
}
