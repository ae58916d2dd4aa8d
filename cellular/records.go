package cellular

import (
	"log/slog"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/sim"
)

// Store keeps records by name over a power cut: once Save has returned the new one is
// on the disk, and before, the old one. Load reports false where there is none.
type Store interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
}

// Records are what all modems of the box know of SIMs they have seen: which APN works
// with which, and which PINs they were given.
type Records struct {
	apns *apn.Memory
	pins *sim.Ledger // nil if it cannot be read, and then no PIN is given
}

// OpenRecords reads the records of a store.
func OpenRecords(store Store, log *slog.Logger) *Records {
	apns, err := apn.OpenMemory(store)
	if err != nil {
		log.Warn("which APN works with which SIM is forgotten: it is found out anew", "err", err)
	}
	pins, err := sim.Open(store)
	if err != nil {
		log.Error("no SIM is given its PIN: which PINs were tried cannot be told", "err", err)
	}
	return &Records{apns, pins}
}
