package sim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Store keeps records by name over a power cut: once Save has returned the new
// record is on the disk, and before, the old one. Load reports false where there is
// none.
type Store interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
}

// Card is the SIM in use, as a modem.Modem has it.
type Card interface {
	SIM(ctx context.Context) (modem.SIM, error)
	EnterPIN(ctx context.Context, pin modem.PIN) error
}

// Place is where a SIM is. It stands for a SIM that does not tell its ICCID while it
// is locked.
type Place struct {
	IMEI string
	Slot int
}

// recordName is the name of the ledger's record.
const recordName = "pin"

// maxEntries is how many SIMs the ledger knows: more than ever change places in a
// box. Beyond that the oldest is forgotten.
const maxEntries = 16

// entry is what became of a PIN that was given to a SIM.
type entry struct {
	// Card is the ICCID, or the place.
	Card string `json:"card"`
	// PIN is a keyed hash.
	PIN string `json:"pin"`
	// Attempts is how many the SIM had before.
	Attempts int `json:"attempts"`
	// Refused: the SIM said no. Else the result is not known.
	Refused bool `json:"refused,omitempty"`
}

// book is the record.
type book struct {
	// Key makes the hashes useless to whoever has but them.
	Key     []byte  `json:"key"`
	Entries []entry `json:"entries,omitempty"`
}

// Ledger remembers which PINs were given to which SIMs. It may be used by several
// modems at a time.
type Ledger struct {
	store Store

	mu   sync.Mutex
	book book
	// doubted is since when this process knows of an entry whose result is unknown.
	doubted map[string]time.Time
}

// Open returns the ledger of a store. Without what the store holds there is no
// ledger: an error means that no PIN may be given.
func Open(store Store) (*Ledger, error) {
	l := &Ledger{store: store, doubted: make(map[string]time.Time)}
	found, err := store.Load(recordName, &l.book)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of PINs: %w", err)
	}
	if !found || len(l.book.Key) == 0 {
		l.book = book{Key: make([]byte, sha256.Size)}
		rand.Read(l.book.Key)
	}
	return l, nil
}

// Unlock gives the SIM its PIN if it wants it and it is safe. Call it whenever the
// SIM may have changed, also when it has become ready: that it has is what tells
// the ledger that the PIN was right. Without error the SIM is ready, or will be as
// far as the modem says; an error is [Withheld], modem.ErrNoSIM or of the modem or
// the store. now is the time by a clock that is never set.
func (l *Ledger) Unlock(ctx context.Context, now time.Time, card Card, place Place, pin modem.PIN) error {
	sim, err := card.SIM(ctx)
	if err != nil {
		return err
	}
	if sim.State == modem.SIMReady {
		return l.succeeded(sim, place)
	}
	written, err := l.begin(now, sim, place, pin)
	if err != nil {
		return err
	}
	entered := card.EnterPIN(ctx, pin)
	if errors.Is(entered, modem.ErrWrongPIN) {
		return errors.Join(entered, l.refused(written))
	}
	if entered != nil {
		return fmt.Errorf("give the SIM its PIN: %w", entered)
	}
	if after, err := card.SIM(ctx); err == nil && after.State == modem.SIMReady {
		return l.succeeded(after, place)
	}
	return nil // it may take a while; the next call will see
}

// begin decides whether the SIM may have the PIN and, if so, writes down that it
// gets it.
func (l *Ledger) begin(now time.Time, sim modem.SIM, place Place, pin modem.PIN) (entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := entry{Card: name(sim, place), Attempts: sim.Attempts}
	next.PIN = l.hash(next.Card, pin)
	past := never
	if i := l.find(next.Card); i >= 0 {
		last := l.book.Entries[i]
		if past = l.past(now, last, sim); past == failed && !last.Refused {
			// Only the count told so, and it may be back at three some day.
			last.Refused = true
			if err := l.put(last); err != nil {
				return entry{}, err
			}
		}
		if past != doubtful && last.PIN != next.PIN {
			past = never // of another PIN; but one that may be on its way still counts
		}
	}
	if err := withhold(sim, pin, past); err != nil {
		return entry{}, err
	}
	l.doubted[next.Card] = now
	return next, l.put(next)
}

// past is what became of the attempt of an entry.
func (l *Ledger) past(now time.Time, e entry, sim modem.SIM) past {
	switch {
	case e.Refused:
		return failed
	case sim.State != modem.SIMLocked || sim.Attempts < 0:
		return doubtful // nothing the modem says counts yet
	case sim.Attempts < e.Attempts:
		return failed
	}
	since, known := l.doubted[e.Card]
	if !known {
		l.doubted[e.Card] = now
		return doubtful
	}
	if now.Sub(since) < settle {
		return doubtful
	}
	return unspent
}

// succeeded forgets the attempt that made the SIM ready.
func (l *Ledger) succeeded(sim modem.SIM, place Place) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last error
	for _, card := range []string{name(sim, place), name(modem.SIM{}, place)} {
		if i := l.find(card); i >= 0 && !l.book.Entries[i].Refused {
			last = errors.Join(last, l.save(slices.Delete(slices.Clone(l.book.Entries), i, i+1)))
		}
	}
	return last
}

// refused writes down that the SIM has said no.
func (l *Ledger) refused(e entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Refused = true
	return l.put(e)
}

// put writes an entry in place of the card's former one, as the newest.
func (l *Ledger) put(e entry) error {
	entries := slices.Clone(l.book.Entries)
	if i := l.find(e.Card); i >= 0 {
		entries = slices.Delete(entries, i, i+1)
	}
	entries = append(entries, e)
	return l.save(entries[max(0, len(entries)-maxEntries):])
}

func (l *Ledger) save(entries []entry) error {
	changed := book{Key: l.book.Key, Entries: entries}
	if err := l.store.Save(recordName, changed); err != nil {
		return fmt.Errorf("write the ledger of PINs: %w", err)
	}
	l.book = changed
	return nil
}

func (l *Ledger) find(card string) int {
	return slices.IndexFunc(l.book.Entries, func(e entry) bool { return e.Card == card })
}

// hash hides a PIN. There are but ten thousand of four digits: who has the key too
// finds it, and could read it in the configuration as well.
func (l *Ledger) hash(card string, pin modem.PIN) string {
	h := hmac.New(sha256.New, l.book.Key)
	fmt.Fprintf(h, "%s\n%s", card, string(pin))
	return hex.EncodeToString(h.Sum(nil))
}

// name is what the ledger calls a SIM.
func name(sim modem.SIM, place Place) string {
	if sim.ICCID != "" {
		return sim.ICCID
	}
	return fmt.Sprintf("slot %d of modem %s", place.Slot, place.IMEI)
}
