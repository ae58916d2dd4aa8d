package mbim

import (
	"encoding/binary"
	"fmt"
)

// Type says what a message is for.
type Type uint32

// The types of messages. Those that the function sends have the highest bit.
const (
	Open           Type = 0x00000001
	Close          Type = 0x00000002
	CommandMessage Type = 0x00000003
	HostError      Type = 0x00000004
	OpenDone       Type = 0x80000001
	CloseDone      Type = 0x80000002
	CommandDone    Type = 0x80000003
	FunctionError  Type = 0x80000004
	IndicateStatus Type = 0x80000007
)

var typeNames = map[Type]string{
	Open: "OPEN", Close: "CLOSE", CommandMessage: "COMMAND", HostError: "HOST_ERROR", OpenDone: "OPEN_DONE",
	CloseDone: "CLOSE_DONE", CommandDone: "COMMAND_DONE", FunctionError: "FUNCTION_ERROR", IndicateStatus: "INDICATE_STATUS",
}

// String returns the specification's name of the type.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("message type 0x%08x", uint32(t))
}

// fragmented reports whether messages of type t travel in fragments.
func (t Type) fragmented() bool {
	return t == CommandMessage || t == CommandDone || t == IndicateStatus
}

// Message is a whole message of either side. Fields that its type does not have
// are zero.
type Message struct {
	Type Type
	// Transaction ties an answer to its question; the host counts from 1. It is 0
	// in indications.
	Transaction uint32
	// MaxTransfer is the longest fragment that the host takes or sends (OPEN).
	MaxTransfer uint32
	// Error is why the other side's message was refused (HOST_ERROR, FUNCTION_ERROR).
	Error ProtocolError
	// Status is how it went (OPEN_DONE, CLOSE_DONE, COMMAND_DONE).
	Status Status
	// Command is what the message is about (COMMAND, COMMAND_DONE, INDICATE_STATUS).
	Command Command
	// Set tells a COMMAND that changes something from one that asks.
	Set bool
	// Info is the information buffer, what there is to say about Command.
	Info []byte
}

// Kind returns what tells m from messages with other contents. It has a meaning
// only where m has a Command.
func (m Message) Kind() Kind {
	k := Kind{Command: m.Command}
	switch {
	case m.Type == CommandDone:
		k.Class = Answer
	case m.Type == IndicateStatus:
		k.Class = Indication
	case m.Set:
		k.Class = Set
	}
	return k
}

// String says what the message is, but not what is in its information buffer: a
// PIN may be there.
func (m Message) String() string {
	s := fmt.Sprintf("%v, transaction %d", m.Type, m.Transaction)
	switch m.Type {
	case Open:
		return fmt.Sprintf("%s: up to %d octets", s, m.MaxTransfer)
	case HostError, FunctionError:
		return fmt.Sprintf("%s: %v", s, m.Error)
	case OpenDone, CloseDone:
		return fmt.Sprintf("%s: %v", s, m.Status)
	case CommandMessage, IndicateStatus:
		return fmt.Sprintf("%s: %v, %d octets", s, m.Kind(), len(m.Info))
	case CommandDone:
		return fmt.Sprintf("%s: %v: %v, %d octets", s, m.Kind(), m.Status, len(m.Info))
	}
	return s
}

// GoString is String: contents do not show with %#v either.
func (m Message) GoString() string { return m.String() }

// walk reads or writes what follows the headers.
func (m *Message) walk(c *cursor) {
	switch m.Type {
	case Open:
		u32(c, &m.MaxTransfer)
	case Close:
	case HostError, FunctionError:
		u32(c, &m.Error)
	case OpenDone, CloseDone:
		u32(c, &m.Status)
	case CommandMessage, CommandDone, IndicateStatus:
		uuid(c, &m.Command.Service)
		u32(c, &m.Command.CID)
		switch m.Type {
		case CommandMessage:
			flag(c, &m.Set)
		case CommandDone:
			u32(c, &m.Status)
		}
		m.walkInfo(c)
	default:
		c.fail("there is no %v", m.Type)
	}
}

// walkInfo reads or writes the information buffer after its length. It fills the
// message, no less and no more.
func (m *Message) walkInfo(c *cursor) {
	n := uint32(len(m.Info))
	u32(c, &n)
	if c.writing {
		c.fixed = append(c.fixed, m.Info...)
	} else if left := len(c.whole) - c.at; c.err == nil && uint64(n) != uint64(left) {
		c.fail("the information buffer has %d octets, %d are left", n, left)
	} else if n > 0 {
		m.Info = c.take(left)
	}
}

// body returns what follows the headers.
func (m Message) body() ([]byte, error) {
	c := cursor{writing: true}
	m.walk(&c)
	return c.fixed, c.err
}

// parseBody reads what follows the headers. Info is part of b.
func parseBody(t Type, transaction uint32, b []byte) (Message, error) {
	m := Message{Type: t, Transaction: transaction}
	c := cursor{whole: b}
	m.walk(&c)
	if c.err == nil && c.at != len(b) {
		c.fail("%d octets are too many", len(b)-c.at)
	}
	if c.err != nil {
		return Message{}, fmt.Errorf("%v: %w", t, c.err)
	}
	return m, nil
}

// header returns the header of a frame of n octets, with room for the rest of it.
func (m Message) header(n int) []byte {
	b := make([]byte, 0, n)
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Type))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	return binary.LittleEndian.AppendUint32(b, m.Transaction)
}
