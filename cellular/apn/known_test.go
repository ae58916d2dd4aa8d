package apn

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

// disk is a Store.
type disk struct {
	records map[string]string
	writes  int
	err     error
}

func (d *disk) Save(name string, v any) error {
	if d.err != nil {
		return d.err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if d.records == nil {
		d.records = make(map[string]string)
	}
	d.records[name] = string(text)
	d.writes++
	return nil
}

func (d *disk) Load(name string, v any) (bool, error) {
	text, ok := d.records[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal([]byte(text), v)
}

func open(t *testing.T, d *disk) *Memory {
	t.Helper()
	m, err := OpenMemory(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMemory(t *testing.T) {
	var d disk
	m := open(t, &d)
	if got := m.Known("1", Data); got != nil {
		t.Errorf("an empty memory knows %v", got)
	}
	data := Choice{APN: modem.APN{Name: "corp", User: "u", Password: "hidden", Auth: modem.CHAP, Families: modem.IPv4}}
	attach := Choice{APN: modem.APN{Name: "ims"}}
	for range 2 {
		for use, c := range map[Use]Choice{Data: data, Attach: attach} {
			if err := m.Remember("1", use, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d.writes != 2 {
		t.Errorf("%d writes for two things", d.writes)
	}
	if strings.Contains(d.records[record], "hidden") {
		t.Errorf("the password is kept in %s", d.records[record])
	}
	m = open(t, &d)
	if got := m.Known("1", Data); got == nil || *got != (Variant{Name: "corp", User: "u", Auth: modem.CHAP, Families: modem.IPv4}) {
		t.Errorf("known for data: %v", got)
	}
	if got := m.Known("1", Attach); got == nil || *got != (Variant{Name: "ims"}) {
		t.Errorf("known for attach: %v", got)
	}
	if got := m.Known("2", Data); got != nil {
		t.Errorf("known of another SIM: %v", got)
	}
	for range 2 {
		if err := m.Remember("1", Attach, Choice{Own: true}); err != nil {
			t.Fatal(err)
		}
	}
	if got := open(t, &d).Known("1", Attach); got != nil || d.writes != 3 {
		t.Errorf("known after the modem's own worked: %v; %d writes", got, d.writes)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var d disk
	m := open(t, &d)
	for n := range 3 * maxSIMs {
		if err := m.Remember(fmt.Sprint(n), Data, Choice{}); err != nil {
			t.Fatal(err)
		}
	}
	m = open(t, &d)
	if len(m.sims) != maxSIMs || m.Known(fmt.Sprint(3*maxSIMs-1), Data) == nil || m.Known("0", Data) != nil {
		t.Errorf("remembers %d SIMs", len(m.sims))
	}
	if err := m.Remember("", Data, Choice{}); err != nil || len(m.sims) != maxSIMs || m.Known("", Data) != nil {
		t.Errorf("a SIM without ICCID is remembered, or %v", err)
	}
}

func TestWhatIsNotKeptIsNotKnown(t *testing.T) {
	d := disk{err: errors.New("disk full")}
	m := open(t, &d)
	if err := m.Remember("1", Data, Choice{}); !errors.Is(err, d.err) {
		t.Errorf("Remember: %v", err)
	}
	if m.Known("1", Data) != nil {
		t.Error("what is not on the disk is known")
	}
}

func TestDamagedMemoryStartsAfresh(t *testing.T) {
	d := disk{records: map[string]string{record: `[{"iccid": "1", "data": {"auth": "eap"}}]`}}
	m, err := OpenMemory(&d)
	if err == nil || m == nil {
		t.Fatalf("OpenMemory: %v, %v", m, err)
	}
	if err := m.Remember("1", Data, Choice{APN: modem.APN{Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	if got := open(t, &d).Known("1", Data); got == nil || got.Name != "a" {
		t.Errorf("known: %v", got)
	}
}
