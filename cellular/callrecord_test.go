package cellular

import (
	"errors"
	"log/slog"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/qmi"
	"github.com/farspoke/farspoke/cellular/qmi/qmihost"
	"github.com/farspoke/farspoke/internal/checkpoint"
)

func TestCallsOutliveTheProcess(t *testing.T) {
	dir, err := checkpoint.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if s := (callRecord{dir, "m1", log}).Load(); !reflect.DeepEqual(s, qmihost.State{}) {
		t.Errorf("%+v out of nothing", s)
	}
	want := qmihost.State{
		Calls:   []qmihost.Call{{Session: 1, Family: qmi.FamilyIPv6, Client: 3, Handle: 0x80000001}},
		Clients: []qmi.ClientID{{Service: qmi.NAS, Client: 2}}, Channels: true, RawIP: true,
	}
	(callRecord{dir, "m1", log}).Store(want)
	if s := (callRecord{dir, "m1", log}).Load(); !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	if s := (callRecord{dir, "m2", log}).Load(); !reflect.DeepEqual(s, qmihost.State{}) {
		t.Errorf("another modem's are %+v", s)
	}
}

// full is a store that nothing more goes into and nothing can be read of.
type full struct{}

func (full) Save(string, any) error         { return errors.New("no space") }
func (full) Load(string, any) (bool, error) { return false, errors.New("not readable") }

func TestCallsWithoutAStore(t *testing.T) {
	r := callRecord{full{}, "m1", slog.New(slog.DiscardHandler)}
	r.Store(qmihost.State{RawIP: true})
	if s := r.Load(); !reflect.DeepEqual(s, qmihost.State{}) {
		t.Errorf("%+v", s)
	}
}
