package athost

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/at"
)

// script is a modem that answers as a file of testdata says: under a command line
// are the lines of its answer, to a result; further answers are for further times,
// and the last one for all that follow.
type script struct {
	port net.Conn

	mu      sync.Mutex
	answers map[string][]string
	heard   []string
	silent  bool
	// noise is said before each answer.
	noise string
	// leaveAfter is how many lines it hears before it leaves the bus, 0 for any number.
	leaveAfter int
}

func readScript(t testing.TB, file string) *script {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{answers: map[string][]string{}}
	for _, question := range []string{"ATQ0V1E0", "AT+CMEE=1", "ATE1", "ATE0", "AT"} {
		s.set(question, "OK")
	}
	var question, answer string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "# "):
		case strings.HasPrefix(line, "AT"):
			question = line
		default:
			answer += line + "\r\n"
			if _, final := at.Final(line); final {
				s.answers[question] = append(s.answers[question], answer)
				answer = ""
			}
		}
	}
	return s
}

// set makes lines the answer to a question.
func (s *script) set(question string, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[question] = []string{strings.Join(lines, "\r\n") + "\r\n"}
}

// change changes how s behaves.
func (s *script) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// plug gives the host's end of a port whose other end is s.
func (s *script) plug() io.ReadWriteCloser {
	host, modem := net.Pipe()
	s.port = modem
	go s.run()
	return host
}

func (s *script) run() {
	lines := bufio.NewScanner(s.port)
	lines.Split(func(b []byte, end bool) (int, []byte, error) {
		if i := slices.Index(b, '\r'); i >= 0 {
			return i + 1, b[:i], nil
		}
		return 0, nil, nil
	})
	for lines.Scan() {
		line := strings.TrimPrefix(lines.Text(), "\x1b")
		s.mu.Lock()
		s.heard = append(s.heard, line)
		answer := "ERROR\r\n"
		if all := s.answers[line]; len(all) > 0 {
			answer = all[0]
			if len(all) > 1 {
				s.answers[line] = all[1:]
			}
		}
		silent, noise, leave := s.silent, s.noise, s.leaveAfter > 0 && len(s.heard) >= s.leaveAfter
		s.mu.Unlock()
		if leave {
			s.port.Close()
			return
		}
		if !silent {
			s.say(noise + "\r\n" + answer)
		}
	}
}

func (s *script) say(text string) { _, _ = io.WriteString(s.port, text) }

// said returns the command lines that begin so.
func (s *script) said(prefix string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.heard {
		if strings.HasPrefix(line, prefix) {
			all = append(all, line)
		}
	}
	return all
}

// with runs f in virtual time with a Host that directs the modem of a script.
func with(t *testing.T, file string, f func(t *testing.T, h *Host, s *script)) {
	t.Helper()
	withScript(t, readScript(t, file), f)
}

func withScript(t *testing.T, s *script, f func(t *testing.T, h *Host, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h, err := Open(t.Context(), s.plug(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("a modem that answers at once was set up in %v", took)
		}
		defer func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
			s.port.Close()
			for range h.Events() {
			}
		}()
		f(t, h, s)
	})
}
