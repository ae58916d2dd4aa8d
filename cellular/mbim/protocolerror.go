package mbim

import "fmt"

// ProtocolError is why one side refuses a message of the other: what HOST_ERROR
// and FUNCTION_ERROR say. As an error it reads in words.
type ProtocolError uint32

// The protocol errors.
const (
	ErrorTimeoutFragment       ProtocolError = 1
	ErrorFragmentOutOfSequence ProtocolError = 2
	ErrorLengthMismatch        ProtocolError = 3
	ErrorDuplicatedTID         ProtocolError = 4
	ErrorNotOpened             ProtocolError = 5
	ErrorUnknown               ProtocolError = 6
	ErrorCancel                ProtocolError = 7
	ErrorMaxTransfer           ProtocolError = 8
)

var protocolErrorWords = map[ProtocolError]string{
	ErrorTimeoutFragment:       "the next fragment did not come in time",
	ErrorFragmentOutOfSequence: "a fragment is out of sequence",
	ErrorLengthMismatch:        "the length does not fit the message",
	ErrorDuplicatedTID:         "the transaction id is in use",
	ErrorNotOpened:             "the modem is not open",
	ErrorUnknown:               "the modem could not read the message",
	ErrorCancel:                "the command was cancelled",
	ErrorMaxTransfer:           "the modem does not take fragments of this length",
}

// Error returns what the protocol error means, and its number.
func (e ProtocolError) Error() string {
	if words, ok := protocolErrorWords[e]; ok {
		return fmt.Sprintf("%s (MBIM protocol error %d)", words, uint32(e))
	}
	return fmt.Sprintf("MBIM protocol error %d", uint32(e))
}
