package uboot

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/board"
)

func TestDiffers(t *testing.T) {
	const config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x\"\n"
	for settings, want := range map[string]string{
		"CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_Z is not set\n\n# words\nCONFIG_C=\"x\"\n": "",
		"# CONFIG_A is not set\n": `CONFIG_A is "y", want ""`,
		"CONFIG_B=y\n":            `CONFIG_B is "", want "y"`,
		"CONFIG_C=\"y\"\n":        `CONFIG_C is "\"x\"", want "\"y\""`,
		// The last one counts.
		"# CONFIG_A is not set\nCONFIG_A=y\n": "",
		"CONFIG_A=y\n# CONFIG_A is not set\n": `CONFIG_A is "y", want ""`,
	} {
		err := differs(config, settings)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", settings, err, want)
		}
	}
}

func TestEveryBoardHasFactsForTheScript(t *testing.T) {
	for _, b := range board.All() {
		if b.Boot.Defconfig == "" {
			continue // no boot loader of ours
		}
		for line := range strings.Lines(string(Environment(b))) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && value == "" {
				t.Errorf("%s: %s is empty", b.Name, name)
			}
		}
	}
}
