package config

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentationExampleIsSound keeps the example of docs/configuration.md
// true.
func TestDocumentationExampleIsSound(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "## A branch\n\n```yaml\n")
	example, after, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("there is no example under the heading A branch")
	}
	_, after, _ = strings.Cut(after, "```yaml\n")
	keys, _, _ := strings.Cut(after, "```")
	secrets, err := ParseSecrets("secrets.yaml", []byte(keys))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("configuration.md", []byte(example), secrets)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range f.Warnings() {
		t.Errorf("warning: %s", w.Text())
	}
}
