// Package farspoke holds nothing but the tests of the project's own rules.
package farspoke

import (
	"encoding/json"
	"errors"
	"go/build"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/farspoke/farspoke/"

// components never import each other: where one needs another, the consumer
// declares the interface and init/router.go passes the implementation.
var components = []string{"dmvpn", "ikev2", "firewall", "cellular", "internal/wan", "internal/breakout"}

// glue knows components, so no component may know it.
var glue = []string{"init", "internal/config", "internal/cli", "internal/api", "internal/metrics", "internal/parts", "internal/pid1", "lab", "image", "cmd"}

// pure packages are wire formats, computations and state machines: values in,
// values out. A command below one of them makes its tables and is not meant.
var pure = []string{
	"dmvpn/nhrp", "dmvpn/nhc",
	"ikev2/wire", "ikev2/suite", "ikev2/session", "ikev2/keepalive", "ikev2/admission",
	"cellular/apn",
	"cellular/clat/nat64",
	"cellular/clat/siit",
	"cellular/emulator/usb/ntb",
	"cellular/modem",
	"cellular/ndp",
	"cellular/qmi",
	"cellular/sim",
}

// impure packages reach outside of the process.
var impure = []string{"os", "net", "net/http", "syscall", "golang.org/x/sys/unix", "github.com/vishvananda/netlink"}

type pkg struct {
	ImportPath, Name, Doc, Dir string
	Imports                    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Dir,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// in reports whether the package at path lies in one of the trees, and which.
func in(trees []string, path string) (string, bool) {
	rest, ours := strings.CutPrefix(path, module)
	if !ours {
		return "", false
	}
	i := slices.IndexFunc(trees, func(tree string) bool { return rest == tree || strings.HasPrefix(rest, tree+"/") })
	if i < 0 {
		return "", false
	}
	return trees[i], true
}

func TestDependencies(t *testing.T) {
	for _, p := range packages(t) {
		self, isComponent := in(components, p.ImportPath)
		_, isPure := in(pure, p.ImportPath)
		for _, imported := range p.Imports {
			if other, ok := in(components, imported); isComponent && ok && other != self {
				t.Errorf("component %s imports component %s: declare an interface in %s instead", p.ImportPath, imported, self)
			}
			if _, ok := in(glue, imported); isComponent && ok {
				t.Errorf("component %s imports %s, which knows components", p.ImportPath, imported)
			}
			if isPure && p.Name != "main" && slices.Contains(impure, imported) {
				t.Errorf("%s is pure and imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath+"/" == module {
			continue // tests only
		}
		if _, err := build.ImportDir(p.Dir, 0); err == nil && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestEveryDependencyHasALine(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !strings.Contains(string(page), "`"+r.Path+"`") {
			t.Errorf("docs/dependencies.md has no line for %s", r.Path)
		}
	}
}
