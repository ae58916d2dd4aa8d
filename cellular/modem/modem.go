// Package modem is what the life cycle of a cellular modem and the protocols
// that direct it have in common: the interface Modem, which MBIM, QMI and AT
// commands each implement, and the words in which they speak of SIMs, networks
// and connections. Nothing here does anything by itself.
package modem

import "context"

// Modem is an open modem. Its methods ask or tell the modem one thing, wait for
// the answer no longer than the protocol's own limit for it or ctx, and may be
// called one at a time. Their errors wrap one of this package's where it applies:
// [ErrGone], [ErrSilent], [ErrUnsupported], [ErrNoSIM], or a [Refusal].
type Modem interface {
	// Identity says what the modem is.
	Identity(ctx context.Context) (Identity, error)
	// Slots lists the SIM slots, of which there is at least one.
	Slots(ctx context.Context) ([]Slot, error)
	// UseSlot makes the slot of the given number (from 1) the one in use. The modem
	// may forget everything and may even leave the bus: then Events ends.
	UseSlot(ctx context.Context, slot int) error
	// SIM says how the SIM in the slot in use is.
	SIM(ctx context.Context) (SIM, error)
	// EnterPIN gives the SIM its PIN. It is never repeated by the implementation. If
	// the SIM says no the error is ErrWrongPIN.
	EnterPIN(ctx context.Context, pin PIN) error
	// Radio says whether the modem may send.
	Radio(ctx context.Context) (Radio, error)
	// SetRadio lets the modem send or not.
	SetRadio(ctx context.Context, on bool) error
	// AttachAPN is the APN that the modem asks for when it registers in LTE or 5G. The
	// zero APN means that the network decides.
	AttachAPN(ctx context.Context) (APN, error)
	// SetAttachAPN changes it; what is registered already may register anew.
	SetAttachAPN(ctx context.Context, apn APN) error
	// Select says which network and technologies to register with; the zero Selection
	// leaves everything to the modem.
	Select(ctx context.Context, s Selection) error
	// Registration says which network serves the modem, or why none does.
	Registration(ctx context.Context) (Registration, error)
	// Attach asks for packet service where the modem does not by itself.
	Attach(ctx context.Context) error
	// Connect asks the network for a connection (PDN connection, PDU session) of the
	// given number, from 0, and returns when it is there. If the network says no the
	// error is a Refusal with its cause.
	Connect(ctx context.Context, session int, apn APN) error
	// Disconnect ends a connection; one that is not there is ended already.
	Disconnect(ctx context.Context, session int) error
	// Connection says what the network gave to a connection, and ErrNotConnected if
	// there is none.
	Connection(ctx context.Context, session int) (Connection, error)
	// Signal says how well the network is heard.
	Signal(ctx context.Context) (Signal, error)
	// Counters are the modem's own count of a connection's traffic.
	Counters(ctx context.Context, session int) (Counters, error)
	// Restart makes the modem start again, as after power-on. It leaves the bus.
	Restart(ctx context.Context) error
	// Events tells what has changed since the last that was taken. The channel is
	// closed when the modem is gone or closed.
	Events() <-chan Event
	// Close ends the conversation and leaves the modem's connections as they are.
	Close() error
}

// Identity is what a modem is.
type Identity struct {
	Manufacturer string `json:"manufacturer,omitempty"`
	Model        string `json:"model,omitempty"`
	Firmware     string `json:"firmware,omitempty"`
	// IMEI has 15 digits.
	IMEI string `json:"imei,omitempty"`
	// Protocol is how it is directed: "MBIM 1.0 (MBIMEx 2.0)", "QMI" or "AT".
	Protocol string `json:"protocol,omitempty"`
	// Sessions is how many connections the modem can have at a time, at least 1.
	Sessions int `json:"sessions,omitempty"`
}

// Radio is whether a modem may send. Both must be so.
type Radio struct {
	// Hardware is the switch of the board or the modem's pin, Software the one that
	// SetRadio sets.
	Hardware, Software bool
}

// On reports whether the modem may send.
func (r Radio) On() bool { return r.Hardware && r.Software }
