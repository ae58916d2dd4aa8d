package pid1

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// records keeps what /dev/kmsg would take as one record each.
type records []string

func (r *records) Write(p []byte) (int, error) {
	*r = append(*r, string(p))
	return len(p), nil
}

func TestStderrBecomesRecords(t *testing.T) {
	var kmsg records
	s := stderr{kmsg: &kmsg}
	fmt.Fprint(&s, "panic: no")
	fmt.Fprint(&s, " way\n\ngoroutine 1 [running]:\nmain")
	want := records{"<28>router stderr: panic: no way\n", "<28>router stderr: goroutine 1 [running]:\n"}
	if !slices.Equal(kmsg, want) {
		t.Errorf("records %q, want %q", kmsg, want)
	}
	if got := string(s.last()); got != "panic: no way\n\ngoroutine 1 [running]:\nmain" {
		t.Errorf("kept %q", got)
	}
	if got := kmsg[len(kmsg)-1]; got != "<28>router stderr: main\n" {
		t.Errorf("the unfinished line became %q", got)
	}
}

func TestStderrIsBounded(t *testing.T) {
	var kmsg records
	s := stderr{kmsg: &kmsg}
	for i := range 2000 {
		fmt.Fprintf(&s, "%04d %s\n", i, strings.Repeat("x", 94))
	}
	kept := s.last()
	if len(kept) != keepStderr || !bytes.HasSuffix(kept, []byte("x\n")) || !bytes.Contains(kept, []byte("\n1999 ")) {
		t.Errorf("kept %d octets that end with %q", len(kept), kept[len(kept)-20:])
	}
	fmt.Fprint(&s, strings.Repeat("y", 10*maxLine))
	if len(s.line) >= maxLine {
		t.Errorf("a line without an end grew to %d octets", len(s.line))
	}
}
