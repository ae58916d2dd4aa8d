package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testSecrets are the secrets at hand in the golden tests.
var testSecrets = Secrets{"ike-hq": "correct-horse-battery-staple", "nhrp-hq": "c0urier"}

// TestGolden compares the whole report on each file of testdata with the text
// beside it, which is what a person gets to read.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := "sound\n"
			f, err := Parse(filepath.Base(file), data, testSecrets)
			if err != nil {
				got = err.Error() + "\n"
			} else {
				for _, w := range f.Warnings() {
					got += "warning: " + w.Text()
				}
			}
			for _, value := range testSecrets {
				if strings.Contains(got, value) {
					t.Errorf("the report shows the secret %s", value)
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}
