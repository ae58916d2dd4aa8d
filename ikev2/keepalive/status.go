package keepalive

import "time"

// Octets is the size of a NAT keepalive as an IP packet.
const Octets = 20 + 8 + 1

// month is what data plans count by.
const month = 30 * 24 * time.Hour

// Status is a snapshot for an operator.
type Status struct {
	// Interval is how often a flow is kept alive that carries nothing else.
	Interval time.Duration `json:"interval"`
	// Lived is the longest silence that a mapping was seen to outlive, Died the
	// shortest it was not, 0 while unknown.
	Lived time.Duration `json:"lived,omitempty"`
	Died  time.Duration `json:"died,omitempty"`
	// Search says how far we are: waiting, under way, done, or that the NAT does
	// not let itself be seen through.
	Search string `json:"search"`
	// Problem is why the last search failed.
	Problem   string `json:"problem,omitempty"`
	Questions uint64 `json:"questions"`
	// MonthlyOctets is what keeping one flow alive costs in 30 days if it carries
	// nothing else.
	MonthlyOctets uint64 `json:"monthly-octets"`
}

// The words of Status.Search.
const (
	SearchWaiting  = "waiting"
	SearchUnderWay = "under way"
	SearchDone     = "done"
	SearchOpaque   = "the NAT keeps its ports"
)

// Status returns a snapshot.
func (l *Learner) Status() Status {
	s := Status{
		Interval: l.Interval(), Lived: l.state.Known.Lived, Died: l.state.Known.Died,
		Search: SearchWaiting, Problem: l.state.Problem, Questions: l.state.Questions,
		MonthlyOctets: Octets * uint64(month/l.Interval()),
	}
	switch {
	case l.phase != resting:
		s.Search = SearchUnderWay
	case l.state.Opaque:
		s.Search, s.Lived = SearchOpaque, 0 // or so it seemed
	case l.state.Known.Died != 0:
		s.Search = SearchDone
	}
	return s
}
