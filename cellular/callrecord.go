package cellular

import (
	"log/slog"

	"github.com/farspoke/farspoke/cellular/qmi/qmihost"
)

// callRecord is what the next process has to know of the data calls of a QMI modem,
// which hang on numbers that only who has asked for them knows.
type callRecord struct {
	store Store
	modem string // its name on the board
	log   *slog.Logger
}

var _ qmihost.Memory = callRecord{}

func (r callRecord) name() string { return "cellular-calls-" + r.modem }

// Load implements qmihost.Memory.
func (r callRecord) Load() (s qmihost.State) {
	if _, err := r.store.Load(r.name(), &s); err != nil {
		r.log.Warn("calls of the process before are not taken over", "modem", r.modem, "err", err)
		return qmihost.State{}
	}
	return s
}

// Store implements qmihost.Memory.
func (r callRecord) Store(s qmihost.State) {
	if err := r.store.Save(r.name(), s); err != nil {
		r.log.Warn("calls will end with this process", "modem", r.modem, "err", err)
	}
}
