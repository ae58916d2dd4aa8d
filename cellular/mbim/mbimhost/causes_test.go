package mbimhost

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

// TestEachCauseHasWords: of the causes that libmbim knows, none reads as a bare
// number.
func TestEachCauseHasWords(t *testing.T) {
	text, err := os.ReadFile("../testdata/libmbim-1.28.2.txt")
	if err != nil {
		t.Fatal(err)
	}
	causes := 0
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "MBIM_NW_ERROR_")
		if !ok {
			continue
		}
		var name string
		var n uint8
		if _, err := fmt.Sscan(rest, &name, &n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			continue // none
		}
		causes++
		bare := fmt.Sprintf("cause %d", n)
		if modem.RejectCause(n).String() == bare && modem.SessionCause(n).String() == bare {
			t.Errorf("%s (%d) has no words", name, n)
		}
	}
	if causes < 50 {
		t.Errorf("only %d causes", causes)
	}
}
