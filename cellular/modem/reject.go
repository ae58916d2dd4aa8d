package modem

import "fmt"

// RejectCause is why a network does not let the modem register: the EMM cause of
// 3GPP TS 24.301, 9.9.3.9, or its like of TS 24.008, 10.5.3.6 and 10.5.5.14, and of
// TS 24.501, 9.11.3.2.
type RejectCause uint8

var rejectWords = map[RejectCause]string{
	2:   "the network does not know this SIM",
	3:   "the network does not accept this SIM",
	4:   "the visited network does not know this SIM",
	5:   "the network does not accept this modem's IMEI",
	6:   "the network does not accept this modem",
	7:   "the subscription has no packet service",
	8:   "the subscription has no service at all",
	9:   "the network does not recognise the modem's temporary identity",
	10:  "the network has detached the modem",
	11:  "this operator's network is not allowed for the SIM",
	12:  "this area is not allowed for the SIM",
	13:  "roaming is not allowed in this area",
	14:  "packet service is not allowed in this operator's network",
	15:  "no suitable cell in this area",
	16:  "the network's switching centre is not reachable",
	17:  "the network has failed",
	18:  "the network has no service for calls here",
	19:  "the network refused the data connection that goes with registration: check the attach APN",
	20:  "authentication failed: the network's code is wrong",
	21:  "authentication failed: out of step",
	22:  "the network is congested",
	23:  "the modem's security capabilities do not match",
	24:  "the modem rejected the network's security mode",
	25:  "the SIM is not authorised for this closed cell",
	26:  "authentication failed: the network is of another generation",
	27:  "the network does not allow 5G for the SIM",
	31:  "the network sends the modem to its 5G core",
	33:  "the subscription has no such service option: check the attach APN and IP type",
	35:  "the service option is not authorised in this network",
	39:  "service for calls is temporarily not available",
	40:  "the network has no data connection for the modem",
	42:  "the network has failed severely",
	62:  "the network has no slice for the modem",
	67:  "the network lacks resources in its slice",
	71:  "the security context is in use already",
	72:  "access by other than 3GPP's ways is not allowed",
	73:  "this network is not authorised for the SIM",
	74:  "this private network is not allowed for the SIM now",
	75:  "this private network is not allowed for the SIM",
	76:  "this cell is not allowed for the SIM",
	77:  "this area of the fixed line is not allowed",
	78:  "the network may not serve where the modem is",
	90:  "the network did not forward the message",
	91:  "the APN is not supported in this slice, or not in the subscription",
	92:  "the network lacks resources to carry the connection",
	95:  "message semantically incorrect",
	96:  "mandatory information invalid",
	97:  "message type not known",
	98:  "message does not fit the protocol state",
	99:  "information element not known",
	100: "conditional information element in error",
	101: "message does not fit the protocol state",
	111: "unspecified protocol error",
}

// String says the cause in words, with its number for whoever asks the operator.
func (c RejectCause) String() string {
	if words, ok := rejectWords[c]; ok {
		return fmt.Sprintf("%s (cause %d)", words, uint8(c))
	}
	return fmt.Sprintf("cause %d", uint8(c))
}
