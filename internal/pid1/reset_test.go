package pid1

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
)

func TestFactoryReset(t *testing.T) {
	for name, c := range map[string]struct {
		slot *slot
		ends bool
	}{
		"a disk":           {&slot{record: &paper{}}, true},
		"a failing disk":   {&slot{record: &paper{err: errors.New("I/O error")}}, false},
		"no disk":          {nil, false},
		"a disk that died": {&slot{}, false},
	} {
		var how []ending
		b := &box{slot: c.slot, end: func(e ending) { how = append(how, e) }}
		err := b.factoryReset()
		if (err == nil) != c.ends || (len(how) == 1) != c.ends {
			t.Errorf("%s: %v, the box ends: %v", name, err, how)
		}
		if c.ends && (how[0].how != restart || c.slot.record.(*paper).ordered != 1) {
			t.Errorf("%s: %v", name, how)
		}
	}
}

func TestRemarks(t *testing.T) {
	s := &slot{report: bootstate.Report{Note: "one"}, log: slog.New(slog.DiscardHandler)}
	s.remark("")
	s.remark("two")
	if s.report.Note != "one; two" {
		t.Errorf("the note is %q", s.report.Note)
	}
}
