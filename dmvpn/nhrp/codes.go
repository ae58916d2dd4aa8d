package nhrp

import "fmt"

// String names t as engineers do.
func (t Type) String() string {
	switch t {
	case ResolutionRequest:
		return "resolution request"
	case ResolutionReply:
		return "resolution reply"
	case RegistrationRequest:
		return "registration request"
	case RegistrationReply:
		return "registration reply"
	case PurgeRequest:
		return "purge request"
	case PurgeReply:
		return "purge reply"
	case ErrorIndication:
		return "error indication"
	case TrafficIndication:
		return "traffic indication"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Code is the responder's verdict on one CIE (RFC 2332, 5.2.0.1).
type Code uint8

// Codes of RFC 2332, 5.2.2 and 5.2.4. NoBindingOld is what some peers send in
// the place of NoBinding.
const (
	Success                 Code = 0
	AdministrativelyRefused Code = 4
	InsufficientResources   Code = 5
	NoBindingOld            Code = 11
	NoBinding               Code = 12
	BindingNotUnique        Code = 13
	UniqueAlreadyRegistered Code = 14
)

// String says what c means.
func (c Code) String() string {
	switch c {
	case Success:
		return "success"
	case AdministrativelyRefused:
		return "administratively prohibited"
	case InsufficientResources:
		return "insufficient resources"
	case NoBinding, NoBindingOld:
		return "no binding for the address"
	case BindingNotUnique:
		return "a binding exists but is not unique"
	case UniqueAlreadyRegistered:
		return "the address is already registered as unique by another station"
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// ErrorCode is the reason in an error indication (RFC 2332, 5.2.7).
type ErrorCode uint16

// Error codes of RFC 2332, 5.2.7. LoopDetectedOld is what some peers send in
// the place of LoopDetected.
const (
	UnrecognizedExtension ErrorCode = 1
	LoopDetectedOld       ErrorCode = 2
	LoopDetected          ErrorCode = 3
	AddressUnreachable    ErrorCode = 6
	ProtocolError         ErrorCode = 7
	SizeExceeded          ErrorCode = 8
	InvalidExtension      ErrorCode = 9
	InvalidReply          ErrorCode = 10
	AuthenticationFailure ErrorCode = 11
	HopCountExceeded      ErrorCode = 15
)

// String says what e means.
func (e ErrorCode) String() string {
	switch e {
	case UnrecognizedExtension:
		return "unrecognized extension"
	case LoopDetected, LoopDetectedOld:
		return "loop detected"
	case AddressUnreachable:
		return "protocol address unreachable"
	case ProtocolError:
		return "protocol error"
	case SizeExceeded:
		return "packet too large"
	case InvalidExtension:
		return "invalid extension"
	case InvalidReply:
		return "invalid resolution reply received"
	case AuthenticationFailure:
		return "authentication failure"
	case HopCountExceeded:
		return "hop count exceeded"
	}
	return fmt.Sprintf("error code %d", uint16(e))
}
