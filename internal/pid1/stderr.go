package pid1

import (
	"bytes"
	"io"
	"log/slog"

	"github.com/farspoke/farspoke/internal/bootlog"
)

const (
	// keepStderr is how much of a process's last words is kept, in octets.
	keepStderr = 64 << 10
	// maxLine is where a line without an end is cut, in octets.
	maxLine = 4 << 10
)

// stderr takes what the router process writes to its standard error, which is
// what the Go runtime says when it dies: the log goes elsewhere. It passes each
// line on to the kernel's log, where a crash of the whole box would save it,
// and keeps the end. It is for one writer.
type stderr struct {
	kmsg io.Writer
	line []byte
	kept []byte
}

// Write implements io.Writer. It does not fail: the process must not block or
// die because its complaints cannot be stored.
func (s *stderr) Write(p []byte) (int, error) {
	s.kept = append(s.kept, p...)
	if excess := len(s.kept) - keepStderr; excess > 0 {
		s.kept = append(s.kept[:0], s.kept[excess:]...)
	}
	rest := p
	for len(rest) > 0 {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		s.line, rest = append(s.line, line...), after
		if ended || len(s.line) >= maxLine {
			s.flush()
		}
	}
	return len(p), nil
}

// flush passes on the line that has come so far.
func (s *stderr) flush() {
	if len(s.line) > 0 {
		// There is nowhere left to report a kernel log that fails.
		_ = bootlog.WriteKmsg(s.kmsg, slog.LevelWarn, append([]byte("router stderr: "), s.line...))
	}
	s.line = s.line[:0]
}

// last returns the last words, at most keepStderr octets.
func (s *stderr) last() []byte {
	s.flush()
	return s.kept
}
