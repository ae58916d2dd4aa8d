package firewall

import "time"

// Status is a snapshot of the firewall.
type Status struct {
	// Active says that the policy has been put, or found, in the kernel.
	Active bool `json:"active"`
	// Fingerprint identifies the policy.
	Fingerprint string `json:"fingerprint"`
	// Applied is when this process last wrote the table. It is zero when the
	// table of an earlier process was found to be right.
	Applied time.Time `json:"applied,omitzero"`
	// Classes are the counters in the order of the policies.
	Classes []ClassStatus `json:"classes,omitempty"`
	// Error says why the counters cannot be read.
	Error string `json:"error,omitempty"`
}

// ClassStatus counts the packets that shared an outcome.
type ClassStatus struct {
	// From and To are zones; both are empty for what no policy is about.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Class is what was decided, such as "inspect ike".
	Class string `json:"class"`
	Tally
}

// Status returns a snapshot, with the counters read from the kernel. It is
// safe for concurrent use.
func (f *Firewall) Status() Status {
	f.mu.Lock()
	status, ruleset := f.status, f.policy.ruleset
	f.mu.Unlock()
	if !status.Active {
		return status
	}
	tallies, err := f.kernel.Counters()
	if err != nil {
		status.Error = err.Error()
		return status
	}
	for _, c := range ruleset.counters {
		status.Classes = append(status.Classes, ClassStatus{From: c.from, To: c.to, Class: c.class, Tally: tallies[c.name]})
	}
	return status
}
