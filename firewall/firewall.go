package firewall

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Kernel is what the firewall needs of it. Netfilter is the real one.
type Kernel interface {
	// Replace puts the ruleset in place of our table, whole or not at all.
	// Check says whether it would, and changes nothing.
	Replace(*Ruleset) error
	Check(*Ruleset) error
	// Exists reports whether there is a table of ours, Holds whether it is
	// this ruleset and whole.
	Exists() (bool, error)
	Holds(*Ruleset) (bool, error)
	// Counters returns the counters of our table by name.
	Counters() (map[string]Tally, error)
	// Fill and Clear put an address into a set and take it out; Filled returns
	// the addresses of one.
	Fill(set string, address netip.Addr) error
	Clear(set string, address netip.Addr) error
	Filled(set string) ([]netip.Addr, error)
	// Watch returns a channel that receives after changes of any table and is
	// closed when ctx ends or watching fails.
	Watch(ctx context.Context) (<-chan struct{}, error)
}

// Seal denies everything until a policy is there. It is called before the
// first link comes up. A table of an earlier process is left as it is, so that
// a restart interrupts nothing.
func Seal(kernel Kernel) error {
	exists, err := kernel.Exists()
	if err != nil || exists {
		return err
	}
	return kernel.Replace(DenyAll())
}

// Firewall keeps the kernel's table as the configuration says.
type Firewall struct {
	kernel Kernel
	log    *slog.Logger

	// changing is held while the kernel's table is looked at and changed.
	changing sync.Mutex
	// mu guards the rest, for a moment only.
	mu     sync.Mutex
	policy policy
	status Status
	// own are the router's addresses by interface; changing guards it.
	own map[string][]netip.Addr
}

// policy is a configuration and what it compiles to.
type policy struct {
	config   Config
	topology Topology
	ruleset  *Ruleset
}

func compile(config Config, topology Topology) (policy, error) {
	ruleset, err := Compile(config, topology)
	if err != nil {
		return policy{}, fmt.Errorf("compile firewall: %w", err)
	}
	return policy{config, topology, ruleset}, nil
}

// New compiles the configuration and reports what it would weaken by mistake
// as warnings. It returns the errors of Compile.
func New(config Config, topology Topology, kernel Kernel, log *slog.Logger) (*Firewall, error) {
	p, err := compile(config, topology)
	if err != nil {
		return nil, err
	}
	for _, w := range config.Warnings(&topology) {
		log.Warn("the firewall's policy may not do what it means", "why", w)
	}
	return &Firewall{policy: p, kernel: kernel, log: log, status: Status{Fingerprint: p.ruleset.Fingerprint()}, own: make(map[string][]netip.Addr)}, nil
}

// String is the component's name.
func (f *Firewall) String() string { return "firewall" }

// Run puts the table in place, unless it is there already, and puts it back
// when somebody changes or removes it. It returns nil when ctx ends and leaves
// the table.
func (f *Firewall) Run(ctx context.Context) error {
	changes, err := f.kernel.Watch(ctx)
	if err != nil {
		return err
	}
	if err := f.settle("the policy is not in the kernel yet"); err != nil {
		return err
	}
	for range changes {
		if err := f.settle("somebody changed or removed the table"); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the kernel stopped reporting changes of nftables")
}

// settle makes the kernel hold the ruleset. Replacing is a change, too, that is
// reported, so a kernel that never holds what it was given is an error, or Run
// would never rest.
func (f *Firewall) settle(why string) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	ruleset := f.current().ruleset
	var replaced bool
	var last error
	for range attempts {
		holds, err := f.kernel.Holds(ruleset)
		switch {
		case err != nil:
			last = err
			continue
		case holds:
			f.settled(replaced)
			if replaced {
				f.log.Info("firewall policy applied", "why", why, "policy", ruleset.Fingerprint())
			}
			return f.fillOwn()
		}
		if err := f.kernel.Replace(ruleset); err != nil {
			return err
		}
		replaced = true
		last = fmt.Errorf("the kernel took table %s and shows another", tableName)
	}
	return last
}

func (f *Firewall) current() policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy
}

func (f *Firewall) settled(replaced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Active = true
	if replaced {
		f.status.Applied = time.Now()
	}
}
