package emulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"

	"github.com/farspoke/farspoke/cellular/modem"
)

// longestOrder is how many octets an order has at most.
const longestOrder = 1 << 16

// report is the answer to an order: what came of it, and how the modem is now.
type report struct {
	Error string `json:"error,omitempty"`
	State State  `json:"state"`
}

// State is how a modem is, whatever it tells its host.
type State struct {
	OnBus        bool               `json:"onBus"`
	Slot         int                `json:"slot"`
	SIM          modem.SIMState     `json:"sim"`
	PINAttempts  int                `json:"pinAttempts"`
	Radio        bool               `json:"radio"`
	Registration modem.Registration `json:"registration"`
	AttachAPN    string             `json:"attachAPN"`
	Sessions     []Session          `json:"sessions"`
}

// Session is a connection that a modem has or makes.
type Session struct {
	Number     int              `json:"number"`
	Up         bool             `json:"up"`
	APN        string           `json:"apn"`
	Connection modem.Connection `json:"connection"`
	Counters   modem.Counters   `json:"counters"`
}

func (e *Emulator) state() State {
	m := e.Modem
	slot, _ := m.Slot()
	s := State{OnBus: m.OnBus(), Slot: slot, SIM: m.SIMState(), Radio: m.Radio().On(), Registration: m.Registration(), AttachAPN: m.AttachAPN().Name}
	if card := m.Card(); card != nil {
		s.PINAttempts = card.PINAttempts
	}
	for _, session := range m.Sessions() {
		s.Sessions = append(s.Sessions, Session{
			Number: session.Number, Up: session.Up, APN: session.Asked.Name, Connection: session.Granted, Counters: session.Counters,
		})
	}
	return s
}

// Control takes orders from who connects to l, a line of JSON each, until ctx ends.
func (e *Emulator) Control(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		<-ctx.Done()
		_ = l.Close()
	})
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		running.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer conn.Close()
			e.takeOrders(conn)
		})
	}
}

func (e *Emulator) takeOrders(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, longestOrder)
	answer := json.NewEncoder(conn)
	for lines.Scan() {
		var o order
		err := json.Unmarshal(lines.Bytes(), &o)
		var r report
		e.Modem.Do(func() {
			if err == nil {
				err = e.carryOut(o)
			}
			r.State = e.state()
		})
		if err != nil {
			r.Error = err.Error()
		}
		if answer.Encode(r) != nil {
			return
		}
	}
}
