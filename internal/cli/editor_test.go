package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	for _, tt := range []struct{ name, keys, line, shown string }{
		{"tab completes", "sho\tst\t\r", "show status ", ""},
		{"tab in the middle", "sh st\x02\x02\x02o\t\r", "show  st", ""},
		{"question mark lists and keeps the line", "show d?mvpn\r", "show dmvpn", "the tunnels, their hubs and direct paths"},
		{"Ctrl-C discards the line", "reboot\x03version\r", "version", ""},
	} {
		var out bytes.Buffer
		screen := newScreen(struct {
			io.Reader
			io.Writer
		}{strings.NewReader(tt.keys), &out})
		line, err := screen.ReadLine()
		if err != nil || line != tt.line || !strings.Contains(out.String(), tt.shown) {
			t.Errorf("%s: got %q, %v and on the screen %q; want %q and %q", tt.name, line, err, &out, tt.line, tt.shown)
		}
	}
}
