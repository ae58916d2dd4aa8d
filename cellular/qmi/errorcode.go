package qmi

import "fmt"

// ErrorCode is why a modem says no to a request. As an error it reads in the
// operator's words.
type ErrorCode uint16

// The codes that a caller does something about.
const (
	Success               ErrorCode = 0
	ErrMalformedMessage   ErrorCode = 1
	ErrInternal           ErrorCode = 3
	ErrClientIDsExhausted ErrorCode = 5
	ErrInvalidClientID    ErrorCode = 7
	ErrInvalidHandle      ErrorCode = 9
	ErrIncorrectPIN       ErrorCode = 12
	ErrNoNetworkFound     ErrorCode = 13
	ErrCallFailed         ErrorCode = 14
	ErrOutOfCall          ErrorCode = 15
	ErrMissingArgument    ErrorCode = 17
	ErrDeviceUnsupported  ErrorCode = 25
	ErrNoEffect           ErrorCode = 26
	ErrInvalidServiceType ErrorCode = 31
	ErrAuthentication     ErrorCode = 34
	ErrPINBlocked         ErrorCode = 35
	ErrPINAlwaysBlocked   ErrorCode = 36
	ErrUIMUninitialised   ErrorCode = 37
	ErrInvalidArgument    ErrorCode = 48
	ErrDeviceNotReady     ErrorCode = 52
	ErrNetworkNotReady    ErrorCode = 53
	ErrInvalidTransition  ErrorCode = 60
	ErrInvalidCommand     ErrorCode = 71
	ErrInfoUnavailable    ErrorCode = 74
	ErrPolicyMismatch     ErrorCode = 79
	ErrFileNotFound       ErrorCode = 80
	ErrAccessDenied       ErrorCode = 82
	ErrHardwareRestricted ErrorCode = 83
	ErrIncompatibleState  ErrorCode = 90
	ErrNotSupported       ErrorCode = 94
	ErrNoSIM              ErrorCode = 102
	ErrPINRestriction     ErrorCode = 104
	ErrPUKRestriction     ErrorCode = 106
)

// errorWords are the codes as libqmi publishes them (qmi-errors.h), without those
// of short messages and phone books.
var errorWords = map[ErrorCode]string{
	Success:               "success",
	ErrMalformedMessage:   "the modem could not read the request",
	2:                     "the modem is out of memory",
	ErrInternal:           "the modem has an internal error",
	4:                     "the request was aborted",
	ErrClientIDsExhausted: "the modem has no free client id",
	6:                     "the request can no longer be aborted",
	ErrInvalidClientID:    "the modem does not know this client id",
	8:                     "no thresholds were given",
	ErrInvalidHandle:      "the modem does not know this call",
	10:                    "the modem does not know this profile",
	11:                    "the modem does not know this PIN",
	ErrIncorrectPIN:       "the PIN is wrong",
	ErrNoNetworkFound:     "no network was found",
	ErrCallFailed:         "the data call failed",
	ErrOutOfCall:          "there is no data call",
	16:                    "the modem is not provisioned",
	ErrMissingArgument:    "the request lacks a value",
	19:                    "a value of the request is too long",
	22:                    "the transaction id is invalid",
	23:                    "the modem is in use",
	24:                    "the network does not support it",
	ErrDeviceUnsupported:  "the modem does not support it",
	ErrNoEffect:           "it is already so",
	27:                    "there is no free profile",
	28:                    "the IP type is invalid",
	29:                    "the technology preference is invalid",
	30:                    "the type of profile is invalid",
	ErrInvalidServiceType: "the type of service is invalid",
	32:                    "the way of registering is invalid",
	33:                    "the way of attaching is invalid",
	ErrAuthentication:     "authentication failed",
	ErrPINBlocked:         "the PIN is blocked, the PUK is needed",
	ErrPINAlwaysBlocked:   "the SIM is blocked for good",
	ErrUIMUninitialised:   "the SIM is not initialised yet",
	46:                    "general error",
	47:                    "unknown error",
	ErrInvalidArgument:    "a value of the request is invalid",
	49:                    "the index is invalid",
	50:                    "there is no such entry",
	51:                    "the modem's storage is full",
	ErrDeviceNotReady:     "the modem is not ready",
	ErrNetworkNotReady:    "the network is not ready",
	59:                    "authentication is locked",
	ErrInvalidTransition:  "this operating mode cannot follow the present one",
	65:                    "the session is inactive",
	66:                    "the session is invalid",
	67:                    "the session belongs to another client",
	68:                    "the modem lacks resources",
	69:                    "it is disabled",
	70:                    "the operation is invalid",
	ErrInvalidCommand:     "the modem does not know this request",
	ErrInfoUnavailable:    "the information is not available",
	ErrPolicyMismatch:     "another call with other settings is up (policy mismatch)",
	ErrFileNotFound:       "the SIM has no such file",
	81:                    "the modem has an internal error with details elsewhere",
	ErrAccessDenied:       "access to the SIM's file is denied",
	ErrHardwareRestricted: "a switch of the hardware forbids it",
	ErrIncompatibleState:  "the modem's state does not allow it",
	91:                    "fixed dialling forbids it",
	93:                    "there is no radio",
	ErrNotSupported:       "it is not supported",
	95:                    "there is no subscription",
	96:                    "the SIM's call control forbids it",
	97:                    "the network aborted it",
	98:                    "the message is blocked",
	100:                   "the type of session is invalid",
	ErrNoSIM:              "there is no SIM",
	ErrPINRestriction:     "the PIN is needed",
	105:                   "PIN2 is needed",
	ErrPUKRestriction:     "the PUK is needed",
	107:                   "PUK2 is needed",
}

// Error returns what the code means, and its number for whoever searches for it.
func (e ErrorCode) Error() string {
	if words, ok := errorWords[e]; ok {
		return fmt.Sprintf("%s (QMI error %d)", words, uint16(e))
	}
	return fmt.Sprintf("QMI error %d", uint16(e))
}
