package pid1

import (
	"errors"
	"fmt"
	"os"
)

// factoryReset orders that everything of the owner's goes, and ends the box: it is
// done at the next start, before anything is read (package disk).
func (b *box) factoryReset() error {
	if b.slot == nil || b.slot.record == nil {
		return errors.New("the box has no disk that it could erase: its configuration is part of the image")
	}
	if err := b.slot.record.OrderReset(); err != nil {
		return err
	}
	b.end(ending{how: restart, why: "a factory reset is ordered"})
	return nil
}

// forgetCrash erases what is kept of the run before, which was the former owner's, now
// and when it is yet to be taken from the memory that outlasts a restart.
func (b *box) forgetCrash() error {
	b.forget.Store(true)
	if err := os.RemoveAll(crashDir); err != nil {
		return fmt.Errorf("erase crash text: %w", err)
	}
	return nil
}

// remark adds a note to the report, unless it is empty.
func (s *slot) remark(note string) {
	if note == "" {
		return
	}
	s.log.Warn(note)
	if s.report.Note != "" {
		note = s.report.Note + "; " + note
	}
	s.report.Note = note
}
