package qmi

import (
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
)

// CallEndReason is in short why a call has ended. Where there is a
// [VerboseCallEndReason] that says more.
type CallEndReason uint16

// callEndWords follow libqmi's qmi-enums-wds.h, without CDMA.
var callEndWords = map[CallEndReason]string{
	1:    "unspecified",
	2:    "the host ended it",
	3:    "no service",
	4:    "the signal faded",
	5:    "released normally",
	6:    "another attempt is in progress",
	7:    "no access to the network",
	8:    "redirected or handed over",
	9:    "it is just being closed",
	10:   "authentication failed",
	11:   "internal error of the modem",
	1000: "conference failed",
	1001: "incoming call rejected",
	1002: "no service",
	1003: "the network ended it",
	1004: "link layer failure",
	1005: "the network lacks resources",
	1006: "the service is temporarily out of order",
	1007: "bearer number already in use",
	1008: "the network ended it regularly",
	1009: "the network has failed",
	1010: "the network wants a new attach",
	1011: "protocol error",
	1012: "the operator bars it",
	1013: "the network does not know the APN",
	1014: "the network does not know the IP type",
	1015: "the gateway rejected it",
	1016: "the network rejected it",
	1017: "the network does not support it",
	1018: "not in the subscription",
	1019: "quality of service not accepted",
	1020: "traffic template semantically incorrect",
	1021: "traffic template syntactically incorrect",
	1022: "the network does not know the connection",
	1023: "packet filter semantically incorrect",
	1024: "packet filter syntactically incorrect",
	1025: "connection without traffic template",
	1026: "transaction id invalid",
	1027: "message semantically incorrect",
	1028: "mandatory information invalid",
	1029: "message type not known",
	1030: "message type does not fit the state",
	1031: "information element not known",
	1032: "conditional information element in error",
	1033: "message does not fit the protocol state",
	1034: "types of the APN are in conflict",
	1035: "no packet connection",
	1036: "feature not supported",
}

// String says the reason in words, with its number.
func (r CallEndReason) String() string {
	if words, ok := callEndWords[r]; ok {
		return fmt.Sprintf("%s (call end reason %d)", words, uint16(r))
	}
	return fmt.Sprintf("call end reason %d", uint16(r))
}

// callEndCauses are the network's causes that reasons stand for.
var callEndCauses = map[CallEndReason]modem.SessionCause{
	1005: 26, 1006: 34, 1008: 36, 1009: 38, 1010: 39, 1011: 111, 1012: 8, 1013: 27, 1014: 28, 1015: 30, 1016: 31,
	1017: 32, 1018: 33, 1019: 37, 1022: 43, 1034: 112, 1036: 40,
}

// Cause returns the network's cause that r stands for, if it stands for one.
func (r CallEndReason) Cause() (modem.SessionCause, bool) {
	cause, ok := callEndCauses[r]
	return cause, ok
}

// CallEndType is where a verbose call end reason comes from.
type CallEndType uint16

// The types of verbose call end reasons.
const (
	CallEndMobileIP CallEndType = 1
	CallEndInternal CallEndType = 2
	CallEndManager  CallEndType = 3
	CallEnd3GPP     CallEndType = 6
	CallEndPPP      CallEndType = 7
	CallEndEHRPD    CallEndType = 8
	CallEndIPv6     CallEndType = 9
)

var callEndTypeNames = map[CallEndType]string{
	CallEndMobileIP: "mobile IP", CallEndInternal: "modem", CallEndManager: "call manager", CallEnd3GPP: "network",
	CallEndPPP: "PPP", CallEndEHRPD: "eHRPD", CallEndIPv6: "IPv6",
}

// String names the place.
func (t CallEndType) String() string {
	if words, ok := callEndTypeNames[t]; ok {
		return words
	}
	return fmt.Sprintf("type %d", uint16(t))
}

// VerboseCallEndReason is why a call has ended. With [CallEnd3GPP] the reason is
// the network's cause.
type VerboseCallEndReason struct {
	Type   CallEndType
	Reason int16
}

func walkVerbose(c *cursor, v *VerboseCallEndReason) {
	u16(c, &v.Type)
	u16(c, &v.Reason)
}

// The modem's own words for two causes of the network.
const (
	internalIPv4NotAllowed = 208
	internalIPv6NotAllowed = 210
)

// Cause returns the network's cause, if it is the network that ended the call.
func (r VerboseCallEndReason) Cause() (modem.SessionCause, bool) {
	switch {
	case r == VerboseCallEndReason{CallEndInternal, internalIPv4NotAllowed}:
		return modem.CauseOnlyIPv6, true
	case r == VerboseCallEndReason{CallEndInternal, internalIPv6NotAllowed}:
		return modem.CauseOnlyIPv4, true
	case r.Type != CallEnd3GPP || r.Reason < 0 || r.Reason > 0xff:
		return 0, false
	}
	return modem.SessionCause(r.Reason), true
}

// String says the reason in words, with its numbers.
func (r VerboseCallEndReason) String() string {
	if cause, ok := r.Cause(); ok && r.Type == CallEnd3GPP {
		return cause.String()
	}
	if words, ok := internalWords[r.Reason]; ok && r.Type == CallEndInternal {
		return fmt.Sprintf("%s (modem %d)", words, r.Reason)
	}
	if words, ok := managerWords[r.Reason]; ok && r.Type == CallEndManager {
		return fmt.Sprintf("%s (call manager %d)", words, r.Reason)
	}
	return fmt.Sprintf("%v %d", r.Type, r.Reason)
}

// internalWords are the reasons of CallEndInternal, as Qualcomm publishes them in
// its telematics SDK (DataDefines.hpp).
var internalWords = map[int16]string{
	201: "internal error",
	202: "the host ended it",
	203: "unknown internal cause",
	204: "unknown cause",
	205: "it is just being closed",
	206: "the network ended it",
	207: "another application took over",
	208: "the network does not allow IPv4 on this APN",
	209: "IPv4 is throttled on this APN",
	210: "the network does not allow IPv6 on this APN",
	211: "IPv6 is throttled on this APN",
	212: "the modem restarts",
	213: "PPP is not supported",
	214: "the radio technology is not the preferred one",
	215: "the link is just being closed",
	216: "the APN is being handed over",
	217: "the profile does not fit the bearer",
	218: "the SIM has gone or changed",
	219: "the radio is off",
	220: "the APN is disabled",
	221: "the IPv6 address has expired",
	222: "the IPv6 address could not be handed over",
	223: "the change of radio technology failed",
	224: "fallback to an older technology",
	225: "an APN the modem must have is disabled",
	226: "mobile IP is not configured",
	227: "nothing was sent for too long",
	228: "too many IPv4 connections",
	229: "too many IPv6 connections",
	230: "the APN is another than that of the connection there is",
	231: "the IP family is another than that of the connection there is",
	232: "tethering is not allowed",
	233: "the profile is invalid",
	234: "change between core networks",
	235: "there is no profile with this number",
	236: "the same call is already up",
	237: "the interface is in use",
	238: "the profile is of another type",
	239: "the APN is not allowed when roaming",
	240: "the APN's settings have changed",
	241: "the interface is in use with the same settings",
	242: "an empty APN is not allowed",
	243: "the modem is too hot",
	244: "the call is of another SIM",
	245: "data is switched off in the modem",
	246: "data when roaming is switched off in the modem",
	247: "the APN is malformed",
	248: "another SIM takes over",
	249: "the settings were not accepted",
	251: "the profiles do not fit together",
	252: "no profile fits an empty APN",
	253: "the APN's name is invalid",
}

// managerWords are those reasons of CallEndManager, from the same source, that an
// operator can do something about.
var managerWords = map[int16]string{
	1004: "the network does not accept this SIM", 1005: "the network does not accept this modem",
	1010: "this operator's network is not allowed for the SIM", 1015: "the network is congested",
	1028: "the modem is detached", 1029: "attach failed", 1083: "packet service is detached", 1084: "there is no radio",
	1096: "the network does not know this SIM", 1097: "the network does not accept this modem's IMEI",
	2000: "the host ended it", 2001: "no service", 2002: "the signal faded", 2003: "released normally",
	2004: "another attempt is in progress", 2005: "no access to the network", 2006: "redirected or handed over",
	2500: "the modem is offline", 2503: "the radio technology does not allow it", 2504: "the SIM is not ready",
}
