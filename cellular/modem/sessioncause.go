package modem

import "fmt"

// SessionCause is why a network ends or refuses a data connection: the ESM cause
// of 3GPP TS 24.301, 9.9.4.4, the SM cause of TS 24.008, 10.5.6.6, or the 5GSM cause
// of TS 24.501, 9.11.4.2.
type SessionCause uint8

// The causes that speak of an IP family: the other may do.
const (
	CauseUnknownFamily SessionCause = 28
	CauseNotSubscribed SessionCause = 33
	CauseOnlyIPv4      SessionCause = 50
	CauseOnlyIPv6      SessionCause = 51
)

var sessionWords = map[SessionCause]string{
	8:   "the operator bars it",
	25:  "link layer failure",
	26:  "the network lacks resources",
	27:  "the network does not know the APN",
	28:  "the network does not know the IP type",
	29:  "user name or password is wrong",
	30:  "the gateway rejected it",
	31:  "the network rejected it",
	32:  "the network does not support it",
	33:  "not in the subscription: the APN or its IP type",
	34:  "the service is temporarily out of order",
	35:  "transaction already in use",
	36:  "the network ended it regularly",
	37:  "quality of service not accepted",
	38:  "the network has failed",
	39:  "the network wants a new connection",
	40:  "feature not supported",
	41:  "traffic template semantically incorrect",
	42:  "traffic template syntactically incorrect",
	43:  "the network does not know the connection",
	44:  "packet filter semantically incorrect",
	45:  "packet filter syntactically incorrect",
	46:  "another connection without traffic template is up",
	48:  "the network rejected it: not in this mode of bearer control",
	49:  "the last connection cannot be closed",
	50:  "only IPv4 is allowed on this APN",
	51:  "only IPv6 is allowed on this APN",
	52:  "only one IP family at a time is allowed on this APN",
	53:  "the modem did not say which APN it wants",
	54:  "the network does not know the connection to be handed over",
	55:  "a second connection to this APN is not allowed",
	56:  "it collided with a request of the network",
	57:  "only IPv4 and IPv6 together are allowed on this APN",
	58:  "only unstructured packets are allowed on this APN",
	59:  "quality of service class not supported",
	60:  "bearer not supported",
	61:  "only Ethernet is allowed on this APN",
	65:  "too many connections",
	66:  "the APN is not supported here",
	67:  "the network lacks resources for this APN in its slice",
	68:  "session continuity mode not supported",
	69:  "the network lacks resources in its slice",
	70:  "the network does not know the APN in its slice",
	81:  "transaction id invalid",
	82:  "the modem is too slow for the protection the network wants",
	95:  "message semantically incorrect",
	96:  "mandatory information invalid",
	97:  "message type not known",
	98:  "message does not fit the protocol state",
	99:  "information element not known",
	100: "conditional information element in error",
	101: "message does not fit the protocol state",
	111: "unspecified protocol error",
	112: "the APN does not go together with another that is up",
	113: "the APN may not be reached by several ways at a time",
}

// String says the cause in words, with its number for whoever asks the operator.
func (c SessionCause) String() string {
	if words, ok := sessionWords[c]; ok {
		return fmt.Sprintf("%s (cause %d)", words, uint8(c))
	}
	return fmt.Sprintf("cause %d", uint8(c))
}
