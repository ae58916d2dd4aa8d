// Package sim keeps SIMs from harm and chooses between them.
//
// A SIM that is given three wrong PINs wants its PUK, which is at home in a drawer,
// hours away. So the [Ledger] gives a SIM a PIN once, and never again until
// another PIN is configured, unless it was right; only while at least two attempts
// remain, so that one is left for a person; only when the modem says that it has
// read the SIM; and only after it is on the disk that it will. Nothing is believed
// of success but that the SIM is ready afterwards. A PUK is never sent.
//
// Where a modem has several SIMs, a [Switch] says which one to use.
package sim
