package config

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentationExamplesAreSound keeps the examples in docs true: under the
// heading stands a configuration, and then its secrets.
func TestDocumentationExamplesAreSound(t *testing.T) {
	for page, heading := range map[string]string{"configuration.md": "## A branch", "moving-to-ikev2.md": "## The spoke"} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/" + page)
			if err != nil {
				t.Fatal(err)
			}
			_, after, _ := strings.Cut(string(text), heading+"\n\n```yaml\n")
			example, after, found := strings.Cut(after, "```")
			if !found {
				t.Fatalf("there is no example under the heading %s", heading)
			}
			_, after, _ = strings.Cut(after, "```yaml\n")
			keys, _, _ := strings.Cut(after, "```")
			secrets, err := ParseSecrets("secrets.yaml", []byte(keys))
			if err != nil {
				t.Fatal(err)
			}
			f, err := Parse(page, []byte(example), secrets)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range f.Warnings() {
				t.Errorf("warning: %s", w.Text())
			}
		})
	}
}
