// Package qmihost directs a modem in QMI over its control port: it is the host's
// side of that protocol and a [modem.Modem].
//
// The parties are the modem's services (qmi.Service), each of which gives out
// client ids. This side has one client of each service it has had a question for,
// and for data calls one of WDS per IP family, as a call has one family and ends
// with the client that started it. Opening frees whatever an earlier host has left
// behind (SYNC), calls included; resuming takes the calls of the process before
// over.
//
// Three goroutines: the caller's asks and waits, one reads the port and one writes
// to it. Only a port that fails or is closed ends the conversation; a modem that
// does not answer costs the question its time limit, and an answer that comes
// after it is passed over.
package qmihost
