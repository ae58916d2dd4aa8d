package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/sim"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/pid1/disk"
)

// card is a SIM that wants its PIN and refuses what it gets.
type card struct{}

func (card) SIM(context.Context) (modem.SIM, error) {
	return modem.SIM{State: modem.SIMLocked, ICCID: "8988211000000000001", Attempts: 3}, nil
}
func (card) EnterPIN(context.Context, modem.PIN) error { return modem.ErrWrongPIN }

// TestRefusedPINsOutlastAFactoryReset looks for where a refused PIN is written down
// among the files that PID 1 keeps.
func TestRefusedPINsOutlastAFactoryReset(t *testing.T) {
	data := t.TempDir()
	store, err := openRecords(bootstate.Report{Data: data}, "")
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := sim.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Unlock(t.Context(), time.Now(), card{}, sim.Place{}, "0000"); !errors.Is(err, modem.ErrWrongPIN) {
		t.Fatalf("Unlock = %v", err)
	}
	var kept int
	for _, name := range disk.Lasting {
		if _, err := os.Stat(filepath.Join(data, name)); err == nil {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("the ledger is not among %q", disk.Lasting)
	}
}
