package board_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/board"
)

// TestEveryBoardHasAPage checks that a person finds each board in docs/boards, with
// its own facts and honest about where it has run.
func TestEveryBoardHasAPage(t *testing.T) {
	files, err := filepath.Glob("../docs/boards/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(file)] = string(text)
	}
	for _, b := range board.All() {
		if !strings.Contains(pages["README.md"], "`"+b.Name+"`") {
			t.Errorf("README.md does not name %s", b.Name)
		}
		if b.Boot.DeviceTree == "" {
			continue // an emulator
		}
		name, page := pageOf(pages, b)
		if page == "" {
			t.Errorf("%s has no page with `make image BOARD=%s`", b.Name, b.Name)
			continue
		}
		if b.Untried != strings.Contains(page, "**Not run on hardware.**") {
			t.Errorf("%s: the page and the board disagree about whether it has run on hardware", name)
		}
		facts := append([]string{b.CommandLine(), "`" + b.Boot.DeviceTree + "`", "`" + b.LED + "`"}, quoted(b.SwitchPorts)...)
		for port := range b.Ports {
			facts = append(facts, "`"+port+"`")
		}
		for modem := range b.Modems {
			facts = append(facts, "`"+modem+"`")
		}
		for _, f := range b.Boot.Loader.OnDisk {
			if f.Partition != "" {
				facts = append(facts, "`"+f.Partition+"`")
			} else {
				facts = append(facts, fmt.Sprintf("`%s` at sector %d", f.Name, f.Offset/512))
			}
		}
		for _, fact := range facts {
			if !strings.Contains(page, fact) {
				t.Errorf("%s does not say %s of %s", name, fact, b.Name)
			}
		}
	}
}

func pageOf(pages map[string]string, b board.Board) (name, page string) {
	for name, page := range pages {
		if name != "README.md" && strings.Contains(page, "`make image BOARD="+b.Name+"`") {
			return name, page
		}
	}
	return "", ""
}

func quoted(names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, "`"+n+"`")
	}
	return list
}
