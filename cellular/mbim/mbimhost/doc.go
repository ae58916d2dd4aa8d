// Package mbimhost directs a modem by MBIM: it is the host's side of the protocol
// over a control port, and a modem.Modem.
//
// Each command is a transaction with a limit of its own for the answer. What comes
// later is dropped, as are answers to another process's questions. A modem that
// falls silent is asked again whenever the life cycle wants to know something; it
// is never given up here. A modem that says it is not open is opened anew.
//
// A connection outlives the process that made it: Close leaves the modem open, and
// Open finds it so by asking it something. Only a modem that does not answer that
// is closed first, which ends its connections.
package mbimhost
