// Package athost directs modems by AT commands, as a modem.Modem: those that speak
// neither MBIM nor QMI and carry packets over a network device of USB (ECM, NCM,
// RNDIS). It also does by a second port what some modems of the other kinds do by
// AT alone: start again, change the SIM slot.
//
// It keeps to 3GPP TS 27.007 where that has a command. What a maker does otherwise
// is data, in maker.go, with its source.
//
// The modem is asked, not told: what is written is what the life cycle demands, and
// what is unknown of a modem is found out by questions alone.
package athost
