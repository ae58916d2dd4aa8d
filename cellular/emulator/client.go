package emulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Client orders what is to go wrong with an emulated modem. Its methods may be
// called at the same time. A PLMN that is empty is the first network; slots count
// from 0.
type Client struct {
	mu    sync.Mutex
	conn  net.Conn
	lines *bufio.Scanner
}

// Dial connects to the control socket at path.
func Dial(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("connect to the emulated modem: %w", err)
	}
	return NewClient(conn), nil
}

// NewClient gives orders by a connection with a control socket, which Close closes.
func NewClient(conn net.Conn) *Client {
	c := &Client{conn: conn, lines: bufio.NewScanner(conn)}
	c.lines.Buffer(nil, longestOrder)
	return c
}

// Close ends the connection. What was ordered stays so.
func (c *Client) Close() error { return c.conn.Close() }

// patience is how long an order may take.
const patience = time.Minute

func (c *Client) order(o order) (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r report
	line, err := json.Marshal(o)
	if err == nil {
		err = c.conn.SetDeadline(time.Now().Add(patience))
	}
	if err == nil {
		_, err = c.conn.Write(append(line, '\n'))
	}
	if err == nil && !c.lines.Scan() {
		err = errors.Join(errors.New("no answer"), c.lines.Err())
	}
	if err == nil {
		err = json.Unmarshal(c.lines.Bytes(), &r)
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		return r.State, fmt.Errorf("order %q of the emulated modem: %w", o.Do, err)
	}
	return r.State, nil
}

func (c *Client) do(o order) error {
	_, err := c.order(o)
	return err
}

// State says how the modem is.
func (c *Client) State() (State, error) { return c.order(order{Do: "state"}) }

// Hang has the control channel take everything and bring nothing, or work again.
func (c *Client) Hang(on bool) error { return c.do(order{Do: "hang", On: on}) }

// HangUntil has the control channel take everything and bring nothing until the cure
// comes.
func (c *Client) HangUntil(cure Cure) error { return c.do(order{Do: "hang-until", Cure: cure}) }

// Spoil spoils the next messages or fragments to the host, one each.
func (c *Client) Spoil(next ...Spoil) error { return c.do(order{Do: "spoil", Spoils: next}) }

// BusyOpens has the next n OPENs of MBIM refused with BUSY.
func (c *Client) BusyOpens(n int) error { return c.do(order{Do: "busy-opens", Count: n}) }

// DrawSIM draws the SIM out of a slot, InsertSIM puts the same back.
func (c *Client) DrawSIM(slot int) error { return c.do(order{Do: "draw-sim", Slot: slot}) }

// InsertSIM puts back what DrawSIM drew.
func (c *Client) InsertSIM(slot int) error { return c.do(order{Do: "insert-sim", Slot: slot}) }

// LockSIM has the SIM ask for a PIN, of which it takes a number of wrong ones; with
// none left it wants its PUK.
func (c *Client) LockSIM(slot int, pin string, attempts int) error {
	return c.do(order{Do: "lock-sim", Slot: slot, PIN: pin, Count: attempts})
}

// Deny has a network refuse to serve the modem, for a cause that is not 0, or serve
// it again.
func (c *Client) Deny(plmn string, cause modem.RejectCause) error {
	return c.do(order{Do: "deny", PLMN: plmn, Cause: uint8(cause)})
}

// AcceptAttach says with which attach APNs a network serves the modem; no names are
// all.
func (c *Client) AcceptAttach(plmn string, names ...string) error {
	return c.do(order{Do: "accept-attach", PLMN: plmn, Names: names})
}

// Cover brings a network into reach or takes it away.
func (c *Client) Cover(plmn string, reachable bool) error {
	return c.do(order{Do: "cover", PLMN: plmn, On: reachable})
}

// Signal has a network be heard better or worse.
func (c *Client) Signal(plmn string, s modem.Signal) error {
	return c.do(order{Do: "signal", PLMN: plmn, Signal: s})
}

// Refuse has an APN refuse connections from now on, for a cause that is not 0, or
// take them again.
func (c *Client) Refuse(plmn, apn string, cause modem.SessionCause) error {
	return c.do(order{Do: "refuse", PLMN: plmn, APN: apn, Cause: uint8(cause)})
}

// Families says what addresses an APN gives to connections from now on.
func (c *Client) Families(plmn, apn string, f modem.Families) error {
	return c.do(order{Do: "families", PLMN: plmn, APN: apn, Families: f})
}

// Drop has the network end a connection.
func (c *Client) Drop(session int, cause modem.SessionCause) error {
	return c.do(order{Do: "drop", Session: session, Cause: uint8(cause)})
}

// Readdress has the network give a connection other addresses.
func (c *Client) Readdress(session int) error {
	return c.do(order{Do: "readdress", Session: session})
}

// SetMTU has the network give a connection another MTU.
func (c *Client) SetMTU(session, mtu int) error {
	return c.do(order{Do: "mtu", Session: session, MTU: mtu})
}

// LoseData has all packets lost while the modem says that it is connected, or no
// longer.
func (c *Client) LoseData(lost bool) error { return c.do(order{Do: "lose-data", On: lost}) }

// RadioSwitch is the switch on the case.
func (c *Client) RadioSwitch(on bool) error { return c.do(order{Do: "radio-switch", On: on}) }

// Bounce takes the modem off the bus for a while.
func (c *Client) Bounce(away time.Duration) error {
	return c.do(order{Do: "bounce", For: virtual.Duration(away)})
}

// Move takes the modem off the bus for a while and has it come back in another USB
// port, by which it has other names.
func (c *Client) Move(port int, away time.Duration) error {
	return c.do(order{Do: "move", Count: port, For: virtual.Duration(away)})
}

// HangUp takes the modem off the bus until its power goes off and on.
func (c *Client) HangUp() error { return c.do(order{Do: "hang-up"}) }

// Power is the modem's supply.
func (c *Client) Power(on bool) error { return c.do(order{Do: "power", On: on}) }

// Restart has the modem start again.
func (c *Client) Restart() error { return c.do(order{Do: "restart"}) }
