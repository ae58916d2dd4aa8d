// Package interop holds the tests of the engine against the daemons it meets in
// the field: strongSwan 5.9.8 and libreswan 4.10 of Debian 12, as initiator and
// as responder, over no NAT and the NATs of real lines.
//
// All of it runs in one VM: the spoke is the machine itself, as on the box, with
// the real sockets, SAs, policies and GRE; the peer and the NATs between are
// network namespaces. testdata/debian says what of Debian the VM holds.
package interop
