package proxy

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzStreams: what is cut out of a stream is a part of it, from its beginning.
func FuzzStreams(f *testing.F) {
	f.Add([]byte{0x01, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x27, 0x00, 0x00, 0x00, 0x00})
	f.Add([]byte{0x01, 0x01, 0x00})
	f.Add([]byte{0x01, 0, 0, 0, 0x10, 0, 0, 0, 0x01, 0, 0, 0, 0, 0x10, 0, 0, 0xff})
	f.Add([]byte{0x01, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		if frame, err := ReadQMI(bufio.NewReader(bytes.NewReader(stream))); err == nil && !bytes.HasPrefix(stream, frame) {
			t.Errorf("% x of % x", frame, stream)
		}
		if frame, err := ReadMBIM(bytes.NewReader(stream)); err == nil && !bytes.HasPrefix(stream, frame) {
			t.Errorf("% x of % x", frame, stream)
		}
	})
}
