package bootlog

import (
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

const (
	// maxRecord is how much of a line goes into one record, in octets. The
	// kernel refuses records of more than 976 (LOG_LINE_MAX).
	maxRecord = 900
	// facility is "daemon" of syslog(3). The kernel keeps "kern" for itself.
	facility = 3 << 3
)

// WriteKmsg writes line to w, which is /dev/kmsg, with the severity that level
// stands for. A line too long for the kernel becomes several records.
func WriteKmsg(w io.Writer, level slog.Level, line []byte) error {
	for {
		part := line
		if len(part) > maxRecord {
			part = part[:maxRecord]
			for len(part) > maxRecord-utf8.UTFMax && !utf8.RuneStart(line[len(part)]) {
				part = part[:len(part)-1]
			}
		}
		if _, err := w.Write(fmt.Appendf(nil, "<%d>%s\n", facility|severity(level), part)); err != nil {
			return fmt.Errorf("write kernel log: %w", err)
		}
		line = line[len(part):]
		if len(line) == 0 {
			return nil
		}
	}
}

// severity is that of RFC 5424 section 6.2.1.
func severity(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}
