package usb

import "time"

// Faults is what is wrong with a function until it is told otherwise.
type Faults struct {
	// HangControl takes what the host sends on the control channel and the AT
	// port, and brings back nothing: neither responses nor notifications.
	HangControl bool
	// StallControl refuses every class request.
	StallControl bool
	// Freeze answers no control transfer at all, which the host has to give up. A
	// frozen function that is plugged in is one that cannot be enumerated.
	Freeze bool
	// SwallowPackets loses every packet, in both directions, while everything else
	// goes on as if the modem were connected.
	SwallowPackets bool
}

// Set makes these the faults.
func (f *Function) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

func (f *Function) current() Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults
}

// Spoil is what becomes of one message from the modem to the host on the control
// channel. The zero Spoil leaves it as it is.
type Spoil struct {
	Drop  bool
	Twice bool
	// Cut is how many octets are missing at the end.
	Cut int
	// Delay makes it late. Those after it do not wait for it.
	Delay time.Duration
}

// Spoil spoils the next messages, one each.
func (f *Function) Spoil(next ...Spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoils = append(f.spoils, next...)
}

// nextSpoil also returns the device that the message is for.
func (f *Function) nextSpoil() (*Device, Spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var next Spoil
	if len(f.spoils) > 0 {
		next, f.spoils = f.spoils[0], f.spoils[1:]
	}
	return f.device, next
}

// apply returns what is left of a message, and how often it is sent.
func (s Spoil) apply(message []byte) (left []byte, times int) {
	message = message[:max(0, len(message)-s.Cut)]
	switch {
	case s.Drop:
		return nil, 0
	case s.Twice:
		return message, 2
	}
	return message, 1
}
