package at

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// script is a modem that knows a few lines.
type script struct {
	port net.Conn
	mu   sync.Mutex
	// answers to lines; a line without one is never answered.
	answers map[string]string
	delays  map[string]time.Duration
	echo    bool
	heard   []string
}

// start runs f in virtual time against a Conn whose other end is s.
func (s *script) start(t *testing.T, f func(t *testing.T, c *Conn, unsaid func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		host, modem := net.Pipe()
		s.port = modem
		var (
			mu   sync.Mutex
			said []string
		)
		c := NewConn(host, func(line string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, line)
		})
		go s.run()
		f(t, c, func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return said
		})
		modem.Close()
		c.Close()
	})
}

func (s *script) run() {
	octets := make([]byte, 4096)
	var line string
	for {
		n, err := s.port.Read(octets)
		if err != nil {
			return
		}
		for _, c := range string(octets[:n]) {
			switch c {
			case '\x1b':
				line = ""
			case '\r', '\x1a':
				s.take(line)
				line = ""
			default:
				line += string(c)
			}
		}
	}
}

func (s *script) take(line string) {
	s.mu.Lock()
	s.heard = append(s.heard, line)
	answer, known := s.answers[line]
	delay := s.delays[line]
	echo := s.echo
	switch line {
	case "ATE1":
		answer, known, s.echo = "OK", true, s.answers["ATE1"] != "ERROR"
	case "ATE0":
		answer, known, s.echo = "OK", true, false
	case "AT":
		answer, known = "OK", true
	}
	s.mu.Unlock()
	if echo {
		s.say(line + "\r")
	}
	if !known {
		return
	}
	if !strings.HasSuffix(answer, "> ") {
		answer = "\r\n" + strings.ReplaceAll(answer, "|", "\r\n") + "\r\n"
	}
	time.Sleep(delay) // and hears nothing meanwhile
	s.say(answer)
}

func (s *script) say(text string) { _, _ = io.WriteString(s.port, text) }

func ask(t *testing.T, c *Conn, line string, want ...string) {
	t.Helper()
	if got, err := c.Do(t.Context(), Request{Line: line}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("AT%s: %q, %v, want %q", line, got, err, want)
	}
}

func TestAnswers(t *testing.T) {
	for _, echo := range []bool{false, true} {
		s := script{echo: echo, answers: map[string]string{
			"AT+CREG?":     "+CREG: 0,1||OK",
			"ATI":          "Quectel|EC25|Revision: EC25EFAR06A01M4G||+GCAP: +CGSM|OK",
			"AT+CGSN":      "867698041234567|OK",
			"AT+CIMI":      "+CEREG: 1|RING|262011234567890|^RSSI: 21|OK",
			"AT+CPIN?":     "+CME ERROR: 10",
			"AT+X=1":       "COMMAND NOT SUPPORT",
			"AT+CSQ;+CESQ": "+CSQ: 21,99|+CESQ: 99,99,255,255,20,50|OK",
		}}
		s.start(t, func(t *testing.T, c *Conn, unsaid func() []string) {
			ask(t, c, "+CREG?", "+CREG: 0,1")
			if c.Echoes() != echo {
				t.Errorf("the modem echoes: %v", c.Echoes())
			}
			ask(t, c, "I", "Quectel", "EC25", "Revision: EC25EFAR06A01M4G", "+GCAP: +CGSM")
			ask(t, c, "+CGSN", "867698041234567")
			ask(t, c, "+CIMI", "262011234567890")
			ask(t, c, "+CSQ;+CESQ", "+CSQ: 21,99", "+CESQ: 99,99,255,255,20,50")
			if got, want := unsaid(), []string{"+CEREG: 1", "RING", "^RSSI: 21"}; !reflect.DeepEqual(got, want) {
				t.Errorf("said unasked: %q, want %q", got, want)
			}
			if _, err := c.Do(t.Context(), Request{Line: "+CPIN?"}); !errors.Is(err, ErrSIMNotInserted) {
				t.Error(err)
			}
			if _, err := c.Do(t.Context(), Request{Line: "+X=1"}); !Refused(err) {
				t.Error(err)
			}
			ask(t, c, "")
		})
	}
}

func TestASecretIsNotInTheError(t *testing.T) {
	s := script{answers: map[string]string{`AT+CPIN="4711"`: "+CME ERROR: 16"}}
	s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
		if _, err := c.Do(t.Context(), Request{Line: `+CPIN="4711"`}); !errors.Is(err, ErrPassword) || strings.Contains(err.Error(), "4711") {
			t.Error(err)
		}
		if _, err := c.Do(t.Context(), Request{Line: "+X=\"\r+CPIN=4711\""}); err == nil || strings.Contains(err.Error(), "4711") {
			t.Error(err)
		}
	})
}

// TestLateAnswers: the answer to a question that nobody waits for any more is never
// taken for the answer to another.
func TestLateAnswers(t *testing.T) {
	for name, echoes := range map[string]string{"echo": "", "no echo": "ERROR"} {
		for _, late := range []time.Duration{5500 * time.Millisecond, 6 * time.Second, 7 * time.Second} {
			t.Run(name+late.String(), func(t *testing.T) {
				s := script{
					answers: map[string]string{"AT+CGSN": "1|OK", "AT+CIMI": "2|OK", "ATE1": echoes},
					delays:  map[string]time.Duration{"AT+CGSN": late},
				}
				s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
					if _, err := c.Do(t.Context(), Request{Line: "+CGSN"}); !errors.Is(err, modem.ErrSilent) {
						t.Error(err)
					}
					ask(t, c, "+CIMI", "2")
					ask(t, c, "+CIMI", "2")
				})
			})
		}
	}
}

// TestSilence: each question has its limit, and one that the caller gives up is
// given up at once.
func TestSilence(t *testing.T) {
	s := script{answers: map[string]string{"AT+CGSN": "1|OK"}}
	s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
		start := time.Now()
		if _, err := c.Do(t.Context(), Request{Line: "+COPS=?", Limit: time.Minute}); !errors.Is(err, modem.ErrSilent) || time.Since(start) != time.Minute {
			t.Error(err, time.Since(start))
		}
		ask(t, c, "+CGSN", "1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if _, err := c.Do(ctx, Request{Line: "+COPS=?", Limit: time.Minute}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		ask(t, c, "+CGSN", "1")
	})
}

// TestAPortThatTakesNothing: a write that hangs does not hang who asks.
func TestAPortThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, modemEnd := net.Pipe()
		c := NewConn(host, func(string) {})
		for range 3 {
			if _, err := c.Do(t.Context(), Request{Line: "+CSQ"}); !errors.Is(err, modem.ErrSilent) {
				t.Error(err)
			}
		}
		c.Close()
		modemEnd.Close()
	})
}

func TestOneAtATime(t *testing.T) {
	s := script{
		answers: map[string]string{"AT+CGSN": "1|OK", "AT+CIMI": "2|OK"},
		delays:  map[string]time.Duration{"AT+CGSN": time.Second, "AT+CIMI": time.Second},
	}
	s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
		var both sync.WaitGroup
		for range 3 {
			both.Go(func() { ask(t, c, "+CGSN", "1") })
			both.Go(func() { ask(t, c, "+CIMI", "2") })
		}
		both.Wait()
	})
}

func TestUnplug(t *testing.T) {
	s := script{answers: map[string]string{}}
	s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
		time.AfterFunc(time.Second, func() { s.port.Close() })
		if _, err := c.Do(t.Context(), Request{Line: "+CSQ"}); !errors.Is(err, modem.ErrGone) {
			t.Error(err)
		}
		if _, err := c.Do(t.Context(), Request{Line: "+CSQ"}); !errors.Is(err, modem.ErrGone) {
			t.Error(err)
		}
		<-c.Gone()
	})
}

func TestPrompt(t *testing.T) {
	s := script{answers: map[string]string{"AT+CMGS=5": "\r\n> ", "data": "+CMGS: 7|OK"}}
	s.start(t, func(t *testing.T, c *Conn, _ func() []string) {
		if got, err := c.Do(t.Context(), Request{Line: "+CMGS=5", Data: "data"}); err != nil || !reflect.DeepEqual(got, []string{"+CMGS: 7"}) {
			t.Error(got, err)
		}
		// A prompt that was not expected is left.
		if _, err := c.Do(t.Context(), Request{Line: "+CMGS=5"}); !errors.Is(err, modem.ErrSilent) {
			t.Error(err)
		}
		ask(t, c, "")
	})
}

// TestFloods: neither a storm of lines nor a line without end costs memory or an
// answer.
func TestFloods(t *testing.T) {
	long := strings.Repeat("x", 10*maxLine)
	s := script{answers: map[string]string{
		"AT+CGSN": strings.Repeat("+CREG: 1|", 10000) + "1|" + long + "|OK",
		"AT+CLAC": strings.Repeat("+CLAC: "+strings.Repeat("y", 1000)+"|", 100) + "OK",
		"AT+CIMI": "2|OK",
	}}
	s.start(t, func(t *testing.T, c *Conn, unsaid func() []string) {
		s.say(strings.Repeat("\x00\xff\r\nOK\r\n", 100) + long)
		s.say("\r\n")
		ask(t, c, "+CGSN", "1")
		if n := len(unsaid()); n != 10100 { // the storm, and what was no UTF-8
			t.Errorf("%d lines said unasked", n)
		}
		if _, err := c.Do(t.Context(), Request{Line: "+CLAC"}); !errors.Is(err, errTooLong) {
			t.Error(err)
		}
		ask(t, c, "+CIMI", "2")
	})
}
