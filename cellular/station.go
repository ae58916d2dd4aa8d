// Package cellular keeps the modems of the box connected. A Station is one modem
// with its SIMs, a mobile station in the words of 3GPP: it waits for the modem on
// the bus, sees the SIM through its start and its PIN, finds a network and an APN
// that takes it, and gives what the network hands out to a network device in the
// interface's VRF. Each connection is an Underlay, which the rest of the router
// uses as it uses an Ethernet port.
//
// Nothing is done by a script of steps that are over once they are done. A Station
// goes over all of them again each time the modem tells of a change, and once a
// minute besides, and acts where something is not as it should be. So it does not
// matter what came first, the SIM, the signal or the router process, and a new
// process finds a connection as it was and leaves it so. What the network gave is
// withdrawn the moment the connection is lost, for the device keeps its carrier and
// would swallow everything.
package cellular

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/sim"
)

// Bus is where modems come and go.
type Bus interface {
	// Await returns the modem of the given name once it is there. After one that has
	// gone or does not answer it waits until the bus has changed, or for a moment.
	Await(ctx context.Context, name string, last Device) (Device, error)
	// Power takes the power from the modem of the given name for a moment. The error
	// is modem.ErrUnsupported where the board cannot.
	Power(ctx context.Context, name string) error
}

// Device is a modem on the bus.
type Device interface {
	// String says what and where it is.
	String() string
	// Open begins a conversation with a modem that is to have so many sessions.
	Open(ctx context.Context, sessions int) (modem.Modem, error)
	// Links sees to it that the network devices of the connections exist under the
	// given names, in the order of the sessions, and no others do.
	Links(names []string) error
	// Resets are the ways to bring it to its senses, the gentlest first.
	Resets() []Reset
}

// Reset is a way to bring a modem to its senses from outside.
type Reset struct {
	// Name says what is done, as in "reset on the bus".
	Name string
	Do   func(ctx context.Context) error
}

// Deps are what a Station is given by the router.
type Deps struct {
	Log     *slog.Logger
	Bus     Bus
	Records *Records
}

// Station is one modem of the box.
type Station struct {
	name      string
	cfg       Config
	log       *slog.Logger
	bus       Bus
	underlays []*Underlay
	records   *Records
	// histories are the attempts that came to nothing, by the SIM and what for.
	histories map[purpose]apn.History
	// nudged has something in it when an underlay's place among others has changed,
	// and asked has who wants the status to be fresh.
	nudged chan struct{}
	asked  chan chan struct{}
	// rung is how many ways to bring the modem to its senses have failed in a row.
	rung int
	// between decides between the SIMs, nil until a modem has told of several slots.
	between *sim.Switch

	mu     sync.Mutex
	status Status
}

// purpose is what an APN is for: a use of one SIM, and which connection.
type purpose struct {
	iccid   string
	use     apn.Use
	session int
}

// New returns the modem of the given name with the interfaces that use it.
func New(name string, cfg Config, interfaces []Interface, deps Deps) *Station {
	s := &Station{
		name: name, cfg: cfg, bus: deps.Bus, records: deps.Records,
		log:       deps.Log.With("modem", name),
		histories: make(map[purpose]apn.History),
		nudged:    make(chan struct{}, 1), asked: make(chan chan struct{}),
	}
	// The SIM's own connection is the modem's first, which needs no VLAN.
	interfaces = slices.SortedFunc(slices.Values(interfaces), func(a, b Interface) int {
		if a.PDN != b.PDN && (a.PDN == "" || b.PDN == "") {
			return len(a.PDN) - len(b.PDN)
		}
		return a.Metric - b.Metric
	})
	for session, i := range interfaces {
		s.underlays = append(s.underlays, &Underlay{
			Interface: i, session: session, links: linux{},
			log: deps.Log.With("interface", i.Name), changed: s.nudge, newCLAT: newCLAT,
		})
	}
	s.report(hold{phase: Absent, why: "the modem is not there yet"}, nil)
	return s
}

// String returns the modem's name for the logs.
func (s *Station) String() string { return "modem " + s.name }

// Underlays are the modem's connections, in the order of their sessions.
func (s *Station) Underlays() []*Underlay { return s.underlays }

// nudge has Run look at everything again.
func (s *Station) nudge() {
	select {
	case s.nudged <- struct{}{}:
	default:
	}
}

// Run keeps the modem connected until ctx is cancelled. It leaves everything in
// place: that is a restart.
func (s *Station) Run(ctx context.Context) error {
	defer func() {
		for _, u := range s.underlays {
			u.endTasks()
		}
	}()
	var last Device
	for {
		device, err := s.await(ctx, last)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for modem %s: %w", s.name, err)
		}
		last = device
		err = s.attend(ctx, device)
		if ctx.Err() != nil {
			return nil
		}
		if withdrawn := s.withdraw(); withdrawn != nil {
			return fmt.Errorf("run modem %s: %w", s.name, withdrawn)
		}
		s.rouse(ctx, device, err)
	}
}

// await waits for the modem. One that stays away has its power switched off and on.
func (s *Station) await(ctx context.Context, last Device) (Device, error) {
	for patience := absence; ; patience = min(2*patience, longestAbsence) {
		limited, cancel := context.WithTimeout(ctx, patience)
		device, err := s.bus.Await(limited, s.name, last)
		cancel()
		if err == nil || limited.Err() == nil || ctx.Err() != nil {
			return device, err
		}
		s.report(hold{phase: Absent, why: "the modem is not on the bus"}, nil)
		if err := s.bus.Power(ctx, s.name); err == nil {
			s.log.Warn("modem is not there: its power was switched off and on", "waited", patience)
		} else if !errors.Is(err, modem.ErrUnsupported) && ctx.Err() == nil {
			s.log.Warn("modem is not there, and its power cannot be switched", "waited", patience, "err", err)
		}
	}
}

// attend stays with a modem until it is gone or does not answer.
func (s *Station) attend(ctx context.Context, device Device) error {
	s.report(hold{phase: Opening, why: "the modem starts"}, nil)
	m, err := device.Open(ctx, len(s.underlays))
	if err != nil {
		return fmt.Errorf("open the modem: %w", err)
	}
	defer m.Close()
	v := &visit{Station: s, device: device, modem: m, stale: everything}
	return v.run(ctx)
}

// absence is for how long a modem that is not there is left alone at first, and
// longestAbsence at last.
const (
	absence        = 2 * time.Minute
	longestAbsence = time.Hour
)

// firstPause is how long each way to bring a modem to its senses is given to work;
// each round of all of them is given longer, up to longestPause.
const (
	firstPause   = 2 * time.Second
	longestPause = 10 * time.Minute
)

// rouse does the next thing to bring a modem to its senses that did not answer.
// After the last one it begins with the gentlest again: a modem is never given up.
func (s *Station) rouse(ctx context.Context, device Device, reason error) {
	if errors.Is(reason, modem.ErrGone) {
		s.log.Warn("modem has left", "device", device, "err", reason)
		s.report(hold{phase: Absent, why: "the modem has left the bus"}, nil)
		return
	}
	resets := slices.Insert(device.Resets(), 0, Reset{Name: "open it again", Do: func(context.Context) error { return nil }})
	resets = append(resets, Reset{Name: "power off and on", Do: func(ctx context.Context) error { return s.bus.Power(ctx, s.name) }})
	pause := min(firstPause<<min(s.rung/len(resets), 16), longestPause)
	for range resets {
		r := resets[s.rung%len(resets)]
		s.rung++
		err := r.Do(ctx)
		if errors.Is(err, modem.ErrUnsupported) {
			continue // the next one, then
		}
		s.log.Warn("modem does not do what it is to", "device", device, "err", reason, "remedy", r.Name, "pause", pause)
		s.report(hold{phase: Recovering, why: fmt.Sprintf("%v; remedy: %s", reason, r.Name)}, nil)
		if err != nil {
			s.log.Warn("remedy did not work", "remedy", r.Name, "err", err)
		}
		break
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// withdraw takes back all that any network gave.
func (s *Station) withdraw() error {
	var errs []error
	for _, u := range s.underlays {
		errs = append(errs, u.withdraw())
	}
	return errors.Join(errs...)
}

// Shutdown takes back what the networks gave, when the box goes down. It is called
// after Run has returned; the modem loses its connections with its power.
func (s *Station) Shutdown(context.Context) error { return s.withdraw() }

// pdn returns the configured APN of a connection with a SIM, nil for none.
func (s *Station) pdn(u *Underlay, sim SIM) *modem.APN {
	var a *APN
	if u.PDN == "" {
		a = sim.APN
	} else if further, ok := s.cfg.PDNs[u.PDN]; ok {
		a = &further
	}
	if a == nil {
		return nil
	}
	return new(a.modem())
}
