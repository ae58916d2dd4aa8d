package mbim

import "fmt"

// Status is how a modem answers. As an error it reads in the operator's words.
type Status uint32

// The statuses.
const (
	StatusOK                            Status = 0
	StatusBusy                          Status = 1
	StatusFailure                       Status = 2
	StatusSIMNotInserted                Status = 3
	StatusBadSIM                        Status = 4
	StatusPINRequired                   Status = 5
	StatusPINDisabled                   Status = 6
	StatusNotRegistered                 Status = 7
	StatusProvidersNotFound             Status = 8
	StatusNoDeviceSupport               Status = 9
	StatusProviderNotVisible            Status = 10
	StatusDataClassNotAvailable         Status = 11
	StatusPacketServiceDetached         Status = 12
	StatusMaxActivatedContexts          Status = 13
	StatusNotInitialized                Status = 14
	StatusVoiceCallInProgress           Status = 15
	StatusContextNotActivated           Status = 16
	StatusServiceNotActivated           Status = 17
	StatusInvalidAccessString           Status = 18
	StatusInvalidUserNamePwd            Status = 19
	StatusRadioPowerOff                 Status = 20
	StatusInvalidParameters             Status = 21
	StatusReadFailure                   Status = 22
	StatusWriteFailure                  Status = 23
	StatusNoPhonebook                   Status = 25
	StatusParameterTooLong              Status = 26
	StatusSTKBusy                       Status = 27
	StatusOperationNotAllowed           Status = 28
	StatusMemoryFailure                 Status = 29
	StatusInvalidMemoryIndex            Status = 30
	StatusMemoryFull                    Status = 31
	StatusFilterNotSupported            Status = 32
	StatusDSSInstanceLimit              Status = 33
	StatusInvalidDeviceServiceOperation Status = 34
	StatusAuthIncorrectAUTN             Status = 35
	StatusAuthSyncFailure               Status = 36
	StatusAuthAMFNotSet                 Status = 37
	StatusContextNotSupported           Status = 38
	StatusSMSUnknownSMSCAddress         Status = 100
	StatusSMSNetworkTimeout             Status = 101
	StatusSMSLangNotSupported           Status = 102
	StatusSMSEncodingNotSupported       Status = 103
	StatusSMSFormatNotSupported         Status = 104
)

var statusWords = map[Status]string{
	StatusOK:                            "success",
	StatusBusy:                          "the modem is busy",
	StatusFailure:                       "the modem failed",
	StatusSIMNotInserted:                "there is no SIM",
	StatusBadSIM:                        "the SIM does not work",
	StatusPINRequired:                   "the PIN is needed",
	StatusPINDisabled:                   "the PIN is disabled",
	StatusNotRegistered:                 "the modem is not registered with a network",
	StatusProvidersNotFound:             "no network was found",
	StatusNoDeviceSupport:               "the modem does not support it",
	StatusProviderNotVisible:            "the network is not in reach",
	StatusDataClassNotAvailable:         "the technology is not available here",
	StatusPacketServiceDetached:         "the modem is not attached to packet service",
	StatusMaxActivatedContexts:          "the modem has no more connections",
	StatusNotInitialized:                "the modem is not initialised yet",
	StatusVoiceCallInProgress:           "a call is going on",
	StatusContextNotActivated:           "there is no such connection",
	StatusServiceNotActivated:           "the subscription is not activated",
	StatusInvalidAccessString:           "the APN is wrong",
	StatusInvalidUserNamePwd:            "user name or password is wrong",
	StatusRadioPowerOff:                 "the radio is off",
	StatusInvalidParameters:             "a value of the request is invalid",
	StatusReadFailure:                   "reading failed",
	StatusWriteFailure:                  "writing failed",
	StatusNoPhonebook:                   "there is no phone book",
	StatusParameterTooLong:              "a value of the request is too long",
	StatusSTKBusy:                       "the SIM's toolkit is busy",
	StatusOperationNotAllowed:           "it is not allowed",
	StatusMemoryFailure:                 "the modem's memory failed",
	StatusInvalidMemoryIndex:            "there is no such entry",
	StatusMemoryFull:                    "the modem's storage is full",
	StatusFilterNotSupported:            "the modem does not support the filter",
	StatusDSSInstanceLimit:              "the modem has no more streams for the service",
	StatusInvalidDeviceServiceOperation: "the service cannot do that",
	StatusAuthIncorrectAUTN:             "authentication failed: the network's token is wrong",
	StatusAuthSyncFailure:               "authentication failed: out of step",
	StatusAuthAMFNotSet:                 "authentication failed: the network's management field is not set",
	StatusContextNotSupported:           "the modem does not support this type of connection",
	StatusSMSUnknownSMSCAddress:         "the message centre is not known",
	StatusSMSNetworkTimeout:             "the network does not answer",
	StatusSMSLangNotSupported:           "the language of the message is not supported",
	StatusSMSEncodingNotSupported:       "the encoding of the message is not supported",
	StatusSMSFormatNotSupported:         "the format of the message is not supported",
}

// Error returns what the status means, and its number for whoever searches for it.
func (s Status) Error() string {
	if words, ok := statusWords[s]; ok {
		return fmt.Sprintf("%s (MBIM status %d)", words, uint32(s))
	}
	return fmt.Sprintf("MBIM status %d", uint32(s))
}
