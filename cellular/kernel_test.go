package cellular

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/farspoke/farspoke/internal/link"
)

// kernel is Linux with its network devices, in memory.
type kernel struct {
	mu      sync.Mutex
	devices map[string]*device
	refuse  func(link.Route) bool
	// meanwhile is what happens just before a device is given something, nil for nothing.
	meanwhile func(want link.Addressing)
	in, out   uint64 // packets
}

// device is a network device and what it has.
type device struct {
	port link.Port
	has  link.Addressing
}

var errNoDevice = errors.New("no such device")

func newKernel() kernel {
	return kernel{devices: make(map[string]*device), refuse: func(link.Route) bool { return false }}
}

// device returns a device as it is now, nil if there is none.
func (k *kernel) device(name string) *device {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[name]
	if d == nil {
		return nil
	}
	now := *d
	return &now
}

// Port implements links.
func (k *kernel) Port(name string) (link.Port, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if d := k.devices[name]; d != nil {
		return d.port, true, nil
	}
	return link.Port{}, false, nil
}

// Attach implements links.
func (k *kernel) Attach(p link.Port, vrf string) (link.Port, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[p.Name]
	if d == nil {
		return p, errNoDevice
	}
	d.port.Up, d.port.Table = true, 254
	if vrf != "" {
		d.port.Master, d.port.Table = 3, 1000
	}
	return d.port, nil
}

// SetMTU implements links.
func (k *kernel) SetMTU(p link.Port, mtu int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.devices[p.Name]
	if d == nil {
		return errNoDevice
	}
	d.port.MTU = mtu
	return nil
}

// Traffic implements links.
func (k *kernel) Traffic(p link.Port) (in, out uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.devices[p.Name] == nil {
		return 0, 0, errNoDevice
	}
	return k.in, k.out, nil
}

// Apply implements links.
func (k *kernel) Apply(p link.Port, want link.Addressing, _ time.Duration) ([]link.Refusal, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.meanwhile != nil {
		k.meanwhile(want)
	}
	d := k.devices[p.Name]
	if d == nil {
		return nil, errNoDevice
	}
	d.has = want
	var refused []link.Refusal
	for _, r := range want.Routes {
		if k.refuse(r) {
			refused = append(refused, link.Refusal{Route: r, Err: errors.New("invalid argument")})
		}
	}
	return refused, nil
}

// memory is a Store.
type memory map[string][]byte

// Save implements Store.
func (m memory) Save(name string, v any) error {
	data, err := json.Marshal(v)
	m[name] = data
	return err
}

// Load implements Store.
func (m memory) Load(name string, v any) (bool, error) {
	data, ok := m[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(data, v)
}
