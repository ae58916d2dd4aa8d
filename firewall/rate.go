package firewall

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events in a unit of time, such as 20/second. The zero
// Rate is no bound.
type Rate struct {
	count uint32
	unit  string
}

// rateUnits are the units of a Rate and their lengths in seconds.
var rateUnits = map[string]uint64{"second": 1, "minute": 60, "hour": 3600}

// burst is how many events may come at once: one unit's worth.
func (r Rate) burst() uint32 { return r.count }

// memory is for how long a source must be remembered: one that was silent for
// the unit may send a burst again.
func (r Rate) memory() time.Duration {
	return max(time.Minute, time.Duration(rateUnits[r.unit])*time.Second)
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	count, err := strconv.ParseUint(number, 10, 32)
	if _, known := rateUnits[unit]; err != nil || !known || count == 0 {
		return fmt.Errorf("%q is no rate; write 20/second, 100/minute or 1000/hour", text)
	}
	*r = Rate{uint32(count), unit}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String returns the text that UnmarshalText reads, and "" for the zero Rate.
func (r Rate) String() string {
	if r == (Rate{}) {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.count, r.unit)
}
