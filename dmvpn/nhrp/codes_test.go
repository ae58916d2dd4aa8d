package nhrp

import (
	"strings"
	"testing"
)

// TestNames: every number of RFC 2332 has the meaning it has there, and the
// numbers of some peers for two of them are understood.
func TestNames(t *testing.T) {
	for code, want := range map[Code]string{
		0: "success", 4: "administratively prohibited", 5: "insufficient resources", 11: "no binding", 12: "no binding",
		13: "not unique", 14: "already registered as unique", 255: "code 255",
	} {
		if got := code.String(); !strings.Contains(got, want) {
			t.Errorf("code %d is %q", uint8(code), got)
		}
	}
	for code, want := range map[ErrorCode]string{
		1: "unrecognized extension", 2: "loop detected", 3: "loop detected", 6: "address unreachable", 7: "protocol error",
		8: "too large", 9: "invalid extension", 10: "invalid resolution reply", 11: "authentication failure", 15: "hop count exceeded",
		4: "error code 4", 0xffff: "error code 65535",
	} {
		if got := code.String(); !strings.Contains(got, want) {
			t.Errorf("error code %d is %q", uint16(code), got)
		}
	}
	for kind, want := range map[Type]string{
		1: "resolution request", 2: "resolution reply", 3: "registration request", 4: "registration reply",
		5: "purge request", 6: "purge reply", 7: "error indication", 8: "traffic indication", 9: "type 9",
	} {
		if got := kind.String(); got != want {
			t.Errorf("type %d is %q", uint8(kind), got)
		}
	}
}
