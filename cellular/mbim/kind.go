package mbim

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// UUID names a service or a type of context, in the order in which it is printed.
type UUID [16]byte

// String returns the UUID's usual form.
func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// mustUUID reads what String writes.
func mustUUID(s string) UUID {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil {
		panic(err)
	}
	return UUID(b)
}

// Command is what a message can be about: a number (CID) within a service. By
// itself it is the [Body] of messages about it that say nothing, such as most
// queries.
type Command struct {
	Service UUID
	CID     uint32
}

// String returns the command's name, as in "RADIO_STATE", and with its service's
// where that is neither the USB-IF's nor Microsoft's, as in "QUECTEL RADIO_STATE".
func (c Command) String() string {
	name, ok := commandNames[c]
	switch c.Service {
	case ProxyControl, QMI, Quectel:
		name = serviceNames[c.Service] + " " + name
	}
	if ok {
		return name
	}
	if name, ok := serviceNames[c.Service]; ok {
		return fmt.Sprintf("%s command %d", name, c.CID)
	}
	return fmt.Sprintf("command %d of service %v", c.CID, c.Service)
}

// Class is what a message does.
type Class uint8

// The classes: a host queries or sets, the function answers, or tells unasked.
const (
	Query Class = iota
	Set
	Answer
	Indication
)

// String returns the class in lower case.
func (c Class) String() string {
	return [...]string{"query", "set", "answer", "indication"}[c&3]
}

// classes is a set of classes, a bit for each.
type classes uint8

const (
	queries     classes = 1 << Query
	sets        classes = 1 << Set
	answers     classes = 1 << Answer
	indications classes = 1 << Indication
	reports             = answers | indications
)

func (s classes) has(c Class) bool { return s&(1<<c) != 0 }

// Kind is what tells one sort of message from another.
type Kind struct {
	Command
	Class Class
}

// String names the kind, as in "RADIO_STATE answer".
func (k Kind) String() string { return fmt.Sprintf("%v %v", k.Command, k.Class) }
