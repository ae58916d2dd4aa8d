package mbim

import "fmt"

// QMIMessage is a QMI message within MBIM, by which a modem of Qualcomm's can be
// told what MBIM has no words for.
type QMIMessage struct {
	// Frame is the message with its QMUX header.
	Frame []byte
}

func (*QMIMessage) about() Command   { return CmdQMIMessage }
func (*QMIMessage) classes() classes { return sets | reports }

func (m *QMIMessage) walk(c *cursor) {
	if c.writing {
		c.fixed = append(c.fixed, m.Frame...)
	} else if b := c.take(len(c.whole) - c.at); len(b) > 0 {
		m.Frame = append([]byte(nil), b...)
	}
}

// String says how long the message is, not what it says: a PIN may be in it.
func (m *QMIMessage) String() string { return fmt.Sprintf("%d octets of QMI", len(m.Frame)) }

// GoString is String.
func (m *QMIMessage) GoString() string { return m.String() }

// QuectelRadioSwitchState is the radio of a modem that may be tied to a make of
// host.
type QuectelRadioSwitchState uint32

// The states: FCCLocked stays off until the host sets it to On.
const (
	QuectelRadioSwitchStateOff       QuectelRadioSwitchState = 0
	QuectelRadioSwitchStateOn        QuectelRadioSwitchState = 1
	QuectelRadioSwitchStateFCCLocked QuectelRadioSwitchState = 4
)

// QuectelRadio is the state of the radio, or sets it.
type QuectelRadio struct {
	State QuectelRadioSwitchState
}

func (*QuectelRadio) about() Command   { return CmdQuectelRadioState }
func (*QuectelRadio) classes() classes { return sets | answers }

func (m *QuectelRadio) walk(c *cursor) { u32(c, &m.State) }
