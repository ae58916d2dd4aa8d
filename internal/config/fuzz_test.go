package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzParse looks for input that crashes the reader, and for reports that point
// outside of the file, would upset a terminal, or show a secret.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("hostname: \"\x1b\u2028\"\n"))
	f.Add([]byte("a: [[[[[[[[{{{{{{{{"))
	f.Add([]byte("a: &a [*a, *a]\nb: &b [*a, *a]\n"))
	f.Add([]byte("\uFEFF%YAML 1.1\n---\nhostname: a\n...\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Parse("f", data, testSecrets)
		if err == nil {
			return
		}
		all, ok := errors.AsType[*Errors](err)
		if !ok || len(all.List) == 0 || len(all.List) > maxErrors {
			t.Fatalf("got %#v, want an *Errors with 1 to %d errors", err, maxErrors)
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, e := range all.List {
			if e.Line < 0 || e.Line > lines || e.Line > 0 && e.Column < 1 || e.Problem == "" {
				t.Errorf("the error %+v has no place in a file of %d lines", e, lines)
			}
		}
		text := err.Error()
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("the report has characters that upset a terminal: %q", text)
		}
		for _, value := range testSecrets {
			if strings.Contains(text, value) && !strings.Contains(string(data), value) {
				t.Errorf("the report shows the secret %q:\n%s", value, text)
			}
		}
	})
}

// FuzzParseSecrets looks for a report that quotes from the file.
func FuzzParseSecrets(f *testing.F) {
	f.Add([]byte("ike-hq: correct horse\nnhrp-hq: \"0123\"\n"))
	f.Add([]byte("ike-hq: [x]\nnhrp-hq: 0123\nike-hq:\n"))
	f.Add([]byte("ike-hq: 'x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := ParseSecrets("f", data)
		if err != nil && strings.Contains(err.Error(), " | ") && !strings.Contains(string(data), " | ") {
			t.Errorf("the report quotes a line:\n%v", err)
		}
	})
}
