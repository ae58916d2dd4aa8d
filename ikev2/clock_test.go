package ikev2

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoWallClock: what IKE does follows a clock that never jumps. The session
// is told the time, and the Engine reads CLOCK_BOOTTIME and nothing else; its
// timers are the runtime's, which do not follow the wall clock.
func TestNoWallClock(t *testing.T) {
	forbidden := map[string][]string{
		".":       {"time.Now", "time.Since", "time.Until", "unix.CLOCK_REALTIME", "unix.CLOCK_MONOTONIC"},
		"session": {"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick", "time.Sleep", "unix.ClockGettime"},
	}
	for folder, calls := range forbidden {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) < 5 {
			t.Fatalf("files %v, %v", files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			positions := token.NewFileSet()
			file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := selector.X.(*ast.Ident); ok && slices.Contains(calls, pkg.Name+"."+selector.Sel.Name) {
					t.Errorf("%s uses %s.%s", positions.Position(n.Pos()), pkg.Name, selector.Sel.Name)
				}
				return true
			})
		}
	}
}
