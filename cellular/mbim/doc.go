// Package mbim reads and writes MBIM, the protocol in which a host directs a
// modem (MBIM says: the function) over a control channel, as octets: messages and
// the fragments they travel in, and a struct for what each query, set, answer and
// indication says that the router or an emulated modem has a use for. The sources
// are the USB-IF's Mobile Broadband Interface Model 1.0, Microsoft's extensions up
// to MBIMEx 2.0, and the tables libmbim publishes of both, with which a test
// compares every number. The package is pure, with no port, clock or state but
// for the fragments in a [Reassembler]: it accepts any octets, allocates no more
// than a small multiple of their number, and says of a bad message what is wrong
// where; what is read can be written, and reads the same again; PINs and
// passwords do not print. Numbers are little-endian.
package mbim
