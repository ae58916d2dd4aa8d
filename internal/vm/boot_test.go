package main

import (
	"strings"
	"testing"
)

func TestCopyLinesUntilTheStatus(t *testing.T) {
	for said, want := range map[string]struct {
		status int
		exited bool
	}{
		"PASS\r\n\r\nvmexit 0\r\n":                 {0, true},
		"FAIL\r\n\r\nvmexit 3\r\nPower down\r\n":   {3, true},
		"vmexit soon\r\nvmexit 1 or so\r\n":        {1, false},
		"a test that takes the machine down\r\nvm": {1, false},
		"": {1, false},
	} {
		if status, exited := copyLines(strings.NewReader(said)); status != want.status || exited != want.exited {
			t.Errorf("%q is status %d, %v, want %d, %v", said, status, exited, want.status, want.exited)
		}
	}
}
