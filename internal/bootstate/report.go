package bootstate

// ReportFile is where PID 1 leaves a Report in JSON for the other processes of the
// box. Without it the box did not start from a slot.
const ReportFile = "/run/farspoke/boot.json"

// Standing is what a slot that runs is to the record.
type Standing string

const (
	// Good is the slot that is started from now on.
	Good Standing = "good"
	// OnTrial is one that has to prove itself, or the other is started again.
	OnTrial Standing = "on trial"
	// Rescue is one that runs only because the good one does not start.
	Rescue Standing = "rescue"
	// Unknown is one whose record cannot be read, for want of the disk.
	Unknown Standing = "unknown"
)

// Report says how the box has started.
type Report struct {
	Slot     Slot     `json:"slot"`
	Standing Standing `json:"standing"`
	// Key is the name of the key by which the boot loader has verified what runs,
	// empty if it has not.
	Key string `json:"key,omitempty"`
	// Data is where the data partition is mounted, empty if it is not.
	Data string `json:"data,omitempty"`
	// Note is what somebody should know, such as that a trial has failed.
	Note string `json:"note,omitempty"`
}

// DevelopmentKey is the name of keys that machines make for themselves, which are
// no proof of who has built something.
const DevelopmentKey = "development"

// Trust says in words how far what runs is verified.
func (r Report) Trust() string {
	switch r.Key {
	case "":
		return "unverified"
	case DevelopmentKey:
		return "verified by a development key"
	}
	return "verified by the key " + r.Key
}
