package qemu

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Shell runs commands one after another in a shell at the other end of a serial
// port. Each is followed by a line that marks the end of its output; the mark
// is numbered, so that an answer nobody waited for is not taken for the next.
type Shell struct {
	mu     sync.Mutex
	conn   net.Conn
	number int
	output strings.Builder
}

func newShell(conn net.Conn) *Shell { return &Shell{conn: conn} }

func (s *Shell) run(ctx context.Context, command string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.output.Reset()
	// The quotes keep an echo of the command from looking like its end.
	begin, end := fmt.Sprintf("@begin %d", s.number), fmt.Sprintf("@end %d", s.number)
	line := fmt.Sprintf("echo @'begin' %d; { %s; } 2>&1; echo @'end' %d $?\n", s.number, command, s.number)
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		s.conn.SetReadDeadline(time.Time{})
	}()
	if _, err := s.conn.Write([]byte(line)); err != nil {
		return "", err
	}
	buffer := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buffer)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return s.output.String(), err
		}
		s.output.WriteString(strings.ReplaceAll(string(buffer[:n]), "\r", ""))
		_, answer, found := strings.Cut(s.output.String(), begin+"\n")
		if !found {
			continue
		}
		out, status, found := strings.Cut(answer, end+" ")
		if !found {
			continue
		}
		status, _, found = strings.Cut(status, "\n")
		if !found {
			continue
		}
		if status != "0" {
			return out, fmt.Errorf("exit status %s: %s", status, strings.TrimSpace(out))
		}
		return out, nil
	}
}
