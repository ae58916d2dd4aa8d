// Package at reads and writes AT commands, the lines in which a host directs a
// modem over a serial port, from both sides: command lines, the parameters of
// commands and of the lines that answer them, the results that end an answer.
// The sources are ITU-T V.250 and 3GPP TS 27.007; what single makes of modems do
// otherwise is the business of package athost.
//
// [Conn] is the host's end of such a port: it pairs commands with their answers,
// one at a time and none for ever, and tells them from what the modem says
// unasked. All else in the package is pure.
//
// Whatever a modem sends is accepted and bounded: lines and answers have a
// longest length, lists a deepest nesting. PINs and passwords occur in commands
// alone, and no error or log names more of a command than its name.
package at
