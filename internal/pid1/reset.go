package pid1

import (
	"errors"
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
