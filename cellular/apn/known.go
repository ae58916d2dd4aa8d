package apn

import (
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Variant is an APN as it has worked: without the password, which the
// configuration or the database still has.
type Variant struct {
	Name     string         `json:"name"`
	User     string         `json:"user,omitempty"`
	Auth     modem.Auth     `json:"auth,omitempty"`
	Families modem.Families `json:"families,omitempty"`
}

// Store keeps records by name over a power cut: once Save has returned, the new
// record is there, and before, the old one. Load reports false where there is none.
type Store interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
}

// record is the name of the record with what has worked.
const record = "apn"

// maxSIMs is how many SIMs are remembered: more than ever change places in a box.
const maxSIMs = 16

// Memory remembers what has worked with which SIM.
type Memory struct {
	store Store
	// sims are in the order in which they were last changed, the latest last.
	sims []remembered
}

// remembered is what has worked with a SIM.
type remembered struct {
	ICCID  string   `json:"iccid"`
	Data   *Variant `json:"data,omitempty"`
	Attach *Variant `json:"attach,omitempty"`
}

// OpenMemory returns what the store remembers. With an error of reading comes a
// Memory that is empty and works.
func OpenMemory(store Store) (*Memory, error) {
	m := &Memory{store: store}
	if _, err := store.Load(record, &m.sims); err != nil {
		m.sims = nil
		return m, fmt.Errorf("read which APNs worked: %w", err)
	}
	return m, nil
}

// Known returns what worked last with a SIM, nil if nothing is remembered.
func (m *Memory) Known(iccid string, use Use) *Variant {
	i := m.find(iccid)
	if i < 0 {
		return nil
	}
	return *m.sims[i].variant(use)
}

// Remember keeps that c has worked with a SIM. It writes only what is new. Of the
// modem's own APN it keeps nothing: the modem does, and it is tried before all that
// is not remembered.
func (m *Memory) Remember(iccid string, use Use, c Choice) error {
	if iccid == "" {
		return nil // nobody to remember it of
	}
	var worked *Variant
	if !c.Own {
		worked = &Variant{Name: c.APN.Name, User: c.APN.User, Auth: c.APN.Auth, Families: c.APN.Families}
	}
	known := m.Known(iccid, use)
	if worked == known || worked != nil && known != nil && *worked == *known {
		return nil
	}
	sim := remembered{ICCID: iccid}
	sims := slices.Clone(m.sims) // so that nothing is known that is not kept
	if i := m.find(iccid); i >= 0 {
		sim = sims[i]
		sims = slices.Delete(sims, i, i+1)
	}
	*sim.variant(use) = worked
	sims = append(sims, sim)
	sims = sims[max(0, len(sims)-maxSIMs):]
	if err := m.store.Save(record, sims); err != nil {
		return fmt.Errorf("keep which APN worked: %w", err)
	}
	m.sims = sims
	return nil
}

func (m *Memory) find(iccid string) int {
	return slices.IndexFunc(m.sims, func(r remembered) bool { return r.ICCID == iccid })
}

func (r *remembered) variant(use Use) **Variant {
	if use == Attach {
		return &r.Attach
	}
	return &r.Data
}
