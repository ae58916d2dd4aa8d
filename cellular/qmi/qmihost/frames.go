package qmihost

import (
	"bytes"
	"iter"

	"github.com/farspoke/farspoke/cellular/qmi"
)

// frames finds the QMUX frames in what is read from a port. A character device
// gives one with each read, a stream may give several or parts of one.
type frames struct {
	rest []byte // the beginning of a frame whose end has not been read
}

// in returns the frames that read completes. They are copies.
func (f *frames) in(read []byte) iter.Seq[[]byte] {
	if whole(read) {
		f.rest = nil // whatever it was, it does not go on
	}
	f.rest = append(f.rest, read...)
	return func(yield func([]byte) bool) {
		for len(f.rest) > 0 {
			n, err := qmi.Size(f.rest)
			if err != nil {
				f.rest = nil
				return
			}
			if n == 0 || n > len(f.rest) {
				return
			}
			frame := bytes.Clone(f.rest[:n])
			f.rest = f.rest[n:]
			if !yield(frame) {
				return
			}
		}
	}
}

// whole reports whether b is whole frames by itself, one at least.
func whole(b []byte) bool {
	for rest := b; ; {
		n, err := qmi.Size(rest)
		if err != nil || n == 0 || n > len(rest) {
			return false
		}
		if rest = rest[n:]; len(rest) == 0 {
			return true
		}
	}
}
