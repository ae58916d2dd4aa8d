package port

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/nl"
)

// DataLinks makes the network devices that carry the given sessions (see
// modem.Modem's Connect) of a modem, and returns their names in the same order. It
// leaves those that are there as they are, and removes what earlier calls made for
// sessions that are no longer asked for. What it makes is down.
//
// A modem with one session, number 0, has it on the network device that came with
// it, mostly. The others are on devices named after that one, such as wwan0.5. Any
// of them may be given another name: they are known by what they are.
//
// The error is modem.ErrUnsupported if the modem cannot have such sessions,
// modem.ErrGone if it has left.
func DataLinks(f Found, sessions ...int) ([]string, error) {
	names, err := dataLinks(root, f, sessions)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		err = fmt.Errorf("%w: %w", modem.ErrGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("make network devices of sessions: %w", gone(err))
	}
	return names, nil
}

func dataLinks(root string, f Found, sessions []int) ([]string, error) {
	base, m, err := multiplexed(root, f, sessions)
	if err != nil {
		return nil, err
	}
	present, err := m.list()
	if err != nil {
		return nil, fmt.Errorf("list those of %s: %w", base, err)
	}
	plan, err := planLinks(base, m.limits(), sessions, present)
	if err != nil {
		return nil, err
	}
	for session, name := range plan.remove {
		if err := m.remove(session, name); err != nil {
			return nil, fmt.Errorf("remove %s: %w", name, err)
		}
	}
	for session, name := range plan.add {
		if err := m.add(session, name); err != nil {
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
	}
	return plan.names, nil
}

// multiplexer is a way to have a network device for each of several sessions.
type multiplexer interface {
	limits() limits
	// list returns the names of the devices that there are, by session.
	list() (map[int]string, error)
	add(session int, name string) error
	remove(session int, name string) error
}

// limits are the sessions that get a device of their own, from first to last. Those
// below first are on the modem's device.
type limits struct{ first, last int }

// multiplexed returns what makes network devices for the sessions, and base, after
// which they are named. For a modem on USB that is the device that came with it,
// which is made ready.
func multiplexed(root string, f Found, sessions []int) (base string, m multiplexer, err error) {
	if len(f.Controls) == 0 {
		return "", nil, fmt.Errorf("modem %s has no ports: %w", f.ID, modem.ErrGone)
	}
	protocol := f.Controls[0].Protocol
	if f.WWAN != "" {
		if protocol == QMI {
			return "", nil, fmt.Errorf("QMI on %s: %w", f.WWAN, modem.ErrUnsupported)
		}
		return f.WWAN, framework{f.WWAN}, nil
	}
	base, err = ownLink(root, f.ID)
	if err != nil {
		return "", nil, err
	}
	switch protocol {
	case MBIM:
		m, err = newVLANs(base, sessions)
	case QMI:
		m, err = newMux(base, sessions)
	default:
		m = alone{}
	}
	return base, m, err
}

// ownLink returns the name that the network device of a modem on USB has now.
func ownLink(root, id string) (string, error) {
	links, err := filepath.Glob(filepath.Join(root, "sys", devices, id, "*:*/net/*"))
	if err == nil && len(links) == 0 {
		err = fmt.Errorf("modem %s has no network device: %w", id, modem.ErrGone)
	}
	if err != nil {
		return "", err
	}
	return filepath.Base(links[0]), nil
}

// plan is what to do for the sessions, and the names of their devices.
type plan struct {
	names       []string
	add, remove map[int]string
}

// planLinks compares what there is with what there should be.
func planLinks(base string, l limits, sessions []int, present map[int]string) (plan, error) {
	p := plan{add: make(map[int]string), remove: make(map[int]string)}
	wanted := make(map[int]bool)
	for _, s := range sessions {
		wanted[s] = true
		if s < 0 || s > l.last {
			return plan{}, fmt.Errorf("session %d is not within 0..%d: %w", s, l.last, modem.ErrUnsupported)
		}
		name, there := present[s]
		switch {
		case s < l.first:
			name = base
		case !there:
			name = sessionLink(base, s)
			p.add[s] = name
		}
		p.names = append(p.names, name)
	}
	for s, name := range present {
		if !wanted[s] || s < l.first {
			p.remove[s] = name
		}
	}
	return p, nil
}

// hasOthers reports whether there are sessions other than number 0.
func hasOthers(sessions []int) bool {
	return slices.ContainsFunc(sessions, func(s int) bool { return s != 0 })
}

// sessionLink names the device of a session.
func sessionLink(base string, session int) string { return base + "." + strconv.Itoa(session) }

// alone is a modem with one session.
type alone struct{}

func (alone) limits() limits                { return limits{1, 0} }
func (alone) list() (map[int]string, error) { return nil, nil }
func (alone) add(int, string) error         { return modem.ErrUnsupported }
func (alone) remove(int, string) error      { return modem.ErrUnsupported }

// linkList lists all network devices.
func linkList() ([]netlink.Link, error) { return nl.List(netlink.LinkList) }
