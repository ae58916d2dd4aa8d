package farspoke

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// testName is how a conformance page names a test: package.Test or
// package.Test/subtest, the subtest as it is written in the source.
var testName = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([^`]+))?`")

// testPackages are the folders behind the package names of those pages.
var testPackages = map[string]string{
	"wire": "ikev2/wire", "suite": "ikev2/suite", "session": "ikev2/session", "ikev2": "ikev2", "udp": "ikev2/udp", "xfrm": "ikev2/xfrm",
	"admission": "ikev2/admission", "interop": "ikev2/interop", "config": "internal/config", "lab": "lab", "firewall": "firewall",
	"dmvpn": "dmvpn", "nhc": "dmvpn/nhc", "nhrp": "dmvpn/nhrp",
	"cellular": "cellular", "mbimhost": "cellular/mbim/mbimhost", "qmihost": "cellular/qmi/qmihost", "athost": "cellular/at/athost", "sim": "cellular/sim",
}

// conformancePages are the pages that name tests, and how many rules each has at
// least: fewer mean that the page was not understood.
var conformancePages = map[string]int{
	"docs/ikev2-conformance.md":   100,
	"docs/nhrp-conformance.md":    40,
	"docs/cellular-complaints.md": 30,
}

// TestConformanceNamesTests demands of each line of a table in a conformance page
// that it names tests, and that all that the page names exist.
func TestConformanceNamesTests(t *testing.T) {
	tests := make(map[string]map[string]literals)
	for page, least := range conformancePages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for i, line := range strings.Split(string(text), "\n") {
			named := testName.FindAllStringSubmatch(line, -1)
			if strings.HasPrefix(line, "| ") && !strings.HasSuffix(line, "| test |") && !strings.Contains(line, "| --- |") {
				lines++
				if len(named) == 0 {
					t.Errorf("%s:%d names no test: %s", page, i+1, line)
				}
			}
			for _, name := range named {
				if !exists(t, tests, name) {
					t.Errorf("%s:%d: there is no %s", page, i+1, name[0])
				}
			}
		}
		if lines < least {
			t.Errorf("%s: only %d lines were understood", page, lines)
		}
	}
}

// exists reports whether there is the test that testName has found. It keeps in
// tests what it read of each folder.
func exists(t *testing.T, tests map[string]map[string]literals, name []string) bool {
	t.Helper()
	folder, known := testPackages[name[1]]
	if !known {
		return false
	}
	if tests[folder] == nil {
		tests[folder] = testsIn(t, folder)
	}
	found, ok := tests[folder][name[2]]
	return ok && (name[3] == "" || found[name[3]])
}

// literals are the strings in a file, among them the names of its subtests.
type literals map[string]bool

// testsIn returns the tests of a folder, whatever they need to be built.
func testsIn(t *testing.T, folder string) map[string]literals {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]literals)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all := make(literals)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					all[text] = true
				}
			}
			return true
		})
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = all
			}
		}
	}
	return found
}
