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

// testName is how docs/ikev2-conformance.md names a test: package.Test or
// package.Test/subtest, the subtest as it is written in the source.
var testName = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)(?:/([^`]+))?`")

// testPackages are the folders behind the package names of that page.
var testPackages = map[string]string{
	"wire": "ikev2/wire", "suite": "ikev2/suite", "session": "ikev2/session", "ikev2": "ikev2", "udp": "ikev2/udp", "xfrm": "ikev2/xfrm",
	"admission": "ikev2/admission", "interop": "ikev2/interop", "config": "internal/config", "lab": "lab", "firewall": "firewall",
}

// TestConformanceNamesTests demands of each line of a table in
// docs/ikev2-conformance.md that it names tests, and that all that the page names
// exist.
func TestConformanceNamesTests(t *testing.T) {
	page, err := os.ReadFile("docs/ikev2-conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]map[string]literals)
	lines := 0
	for i, line := range strings.Split(string(page), "\n") {
		named := testName.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.HasSuffix(line, "| test |") && !strings.Contains(line, "| --- |") {
			lines++
			if len(named) == 0 {
				t.Errorf("docs/ikev2-conformance.md:%d names no test: %s", i+1, line)
			}
		}
		for _, name := range named {
			folder, known := testPackages[name[1]]
			if !known {
				t.Errorf("docs/ikev2-conformance.md:%d: %s is in no package we know", i+1, name[0])
				continue
			}
			if tests[folder] == nil {
				tests[folder] = testsIn(t, folder)
			}
			if found, ok := tests[folder][name[2]]; !ok || name[3] != "" && !found[name[3]] {
				t.Errorf("docs/ikev2-conformance.md:%d: there is no %s", i+1, name[0])
			}
		}
	}
	if lines < 100 {
		t.Errorf("only %d lines were understood", lines)
	}
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
