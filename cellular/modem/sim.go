package modem

// SIMState is how far a SIM is.
type SIMState uint8

// The states of a SIM.
const (
	// SIMStarting: the modem has not read it yet; nothing else it says of the SIM
	// can be trusted, not even that it is locked.
	SIMStarting SIMState = iota
	SIMReady
	SIMAbsent
	// SIMLocked: it wants its PIN.
	SIMLocked
	// SIMBlocked: it wants its PUK.
	SIMBlocked
	// SIMFailed: it does not work, or is blocked for ever.
	SIMFailed
	// SIMNetworkLocked: the modem works with another operator's SIMs alone.
	SIMNetworkLocked
)

var simWords = []string{"starting", "ready", "absent", "locked by its PIN", "blocked, needs its PUK", "failed", "refused by the modem, which is locked to another operator"}

// String says the state in words.
func (s SIMState) String() string { return word(s, simWords...) }

// UnmarshalText reads what MarshalText writes.
func (s *SIMState) UnmarshalText(text []byte) error { return unword(s, text, simWords...) }

// MarshalText is String.
func (s SIMState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SIM is the SIM in use.
type SIM struct {
	State SIMState `json:"state"`
	// ICCID and IMSI are decimal digits, empty while they cannot be read.
	ICCID string `json:"iccid,omitempty"`
	IMSI  string `json:"imsi,omitempty"`
	// MNCDigits is how many digits of the IMSI after the first three are the
	// operator's (EF_AD): 2 or 3, and 0 where it is not known.
	MNCDigits int `json:"mncDigits,omitempty"`
	// Provider is the name the SIM gives its operator (EF_SPN), and GID1 the group it
	// belongs to, in hexadecimal; both tell a virtual operator's SIM.
	Provider string `json:"provider,omitempty"`
	GID1     string `json:"gid1,omitempty"`
	// Attempts is how many wrong PINs the SIM still takes (or PUKs, if it is blocked),
	// negative where it is not known.
	Attempts int `json:"attempts"`
}

// PLMN returns the number of the SIM's home network, five or six digits, or empty
// if that is not known.
func (s SIM) PLMN() string {
	if s.MNCDigits == 0 || len(s.IMSI) < 3+s.MNCDigits {
		return ""
	}
	return s.IMSI[:3+s.MNCDigits]
}

// Slot is a place for a SIM.
type Slot struct {
	// Number is from 1, as on the case.
	Number int `json:"number"`
	// Active: the modem uses it.
	Active bool `json:"active"`
	// Filled: there is a SIM in it, as far as the modem can tell.
	Filled bool `json:"filled"`
	// ICCID is empty where the modem does not tell it of a slot that is not in use.
	ICCID string `json:"iccid,omitempty"`
}

// PIN is a SIM's PIN. It does not print.
type PIN string

// String hides the PIN.
func (PIN) String() string { return "(PIN)" }

// GoString hides the PIN.
func (PIN) GoString() string { return "(PIN)" }
