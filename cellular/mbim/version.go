package mbim

import (
	"errors"
	"fmt"
	"strings"
)

// Version is a version of Microsoft's extensions (MBIMEx), binary-coded decimal:
// 2.0 is 0x0200. It decides how the bodies of some commands are laid out. It is
// [V1] until host and function have agreed on another by a VERSION query, and
// again after each OPEN.
type Version uint16

// The versions whose layouts are known here.
const (
	V1 Version = 0x0100
	V2 Version = 0x0200
)

// String returns the version as in "2.0".
func (v Version) String() string { return fmt.Sprintf("%x.%x", uint16(v)>>8, uint16(v)&0xff) }

// Body is what a message says about its command: a pointer to one of the structs
// of this package, or a [Command] if it says nothing.
type Body interface {
	// about returns the command that the body is for.
	about() Command
	// classes returns the classes of messages that have this body.
	classes() classes
	// walk reads or writes the fields.
	walk(c *cursor)
}

// Query returns the message in which a host asks.
func (v Version) Query(transaction uint32, body Body) (Message, error) {
	return v.write(Message{Type: CommandMessage, Transaction: transaction}, Query, body)
}

// Set returns the message in which a host changes something.
func (v Version) Set(transaction uint32, body Body) (Message, error) {
	return v.write(Message{Type: CommandMessage, Transaction: transaction, Set: true}, Set, body)
}

// Answer returns the answer to the command of the given transaction. With a status
// other than StatusOK body can be a Command, whatever the answer otherwise says.
func (v Version) Answer(transaction uint32, status Status, body Body) (Message, error) {
	m := Message{Type: CommandDone, Transaction: transaction, Status: status}
	if command, ok := body.(Command); ok && status != StatusOK {
		m.Command = command
		return m, nil
	}
	return v.write(m, Answer, body)
}

// Indication returns the message in which a function tells something unasked.
func (v Version) Indication(body Body) (Message, error) {
	return v.write(Message{Type: IndicateStatus}, Indication, body)
}

// write puts body into m.
func (v Version) write(m Message, class Class, body Body) (Message, error) {
	m.Command = body.about()
	if !body.classes().has(class) {
		return Message{}, fmt.Errorf("%s is not for a %v", name(body), Kind{m.Command, class})
	}
	c := cursor{writing: true, version: v}
	body.walk(&c)
	info := c.finish()
	if c.err != nil {
		return Message{}, fmt.Errorf("%s: %w", name(body), c.err)
	}
	if len(info) > 0 {
		m.Info = info
	}
	return m, nil
}

// Decode reads m into body, which must be empty and for m's kind. Octets after
// those that the kind has are a newer modem's and passed over. An answer whose
// status says no is an error that wraps this [Status]; what such an answer says
// besides is in body, if it can be read: there a modem tells the network's cause.
func (v Version) Decode(m Message, body Body) error {
	if !m.Type.fragmented() {
		return fmt.Errorf("%s cannot be in a message of type %v", name(body), m.Type)
	}
	k := m.Kind()
	if k.Command != body.about() || !body.classes().has(k.Class) {
		return fmt.Errorf("%s is not for a %v", name(body), k)
	}
	if err := m.Refusal(); err != nil {
		_ = v.read(m.Info, body)
		return err
	}
	if err := v.read(m.Info, body); err != nil {
		return fmt.Errorf("%s: %w", name(body), err)
	}
	return nil
}

func (v Version) read(info []byte, body Body) error {
	c := newCursor(info, v)
	body.walk(c)
	return c.err
}

// Refusal returns the error that an answer is whose status says no, nil if there is
// none. It wraps the [Status].
func (m Message) Refusal() error {
	if m.Type != CommandDone || m.Status == StatusOK {
		return nil
	}
	return fmt.Errorf("%v: %w", m.Command, m.Status)
}

// Refused reports whether err is a modem's well-formed no, and the reason.
func Refused(err error) (Status, bool) {
	var status Status
	ok := errors.As(err, &status)
	return status, ok
}

// name returns the name of body's type for an error message.
func name(body Body) string {
	if command, ok := body.(Command); ok {
		return "an empty " + command.String()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", body), "*mbim.")
}

// about returns c.
func (c Command) about() Command { return c }

// classes returns of which kinds messages about c say nothing.
func (c Command) classes() classes { return silent[c] }

// walk has nothing to read or write.
func (Command) walk(*cursor) {}
