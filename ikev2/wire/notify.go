package wire

import (
	"encoding/binary"
	"fmt"
)

// NotifyType is the number of a notification (RFC 7296 section 3.10.1). Those
// below 16384 are errors.
type NotifyType uint16

// The notifications of RFC 7296 that concern us, and those that peers send
// along and we name when they are logged.
const (
	UnsupportedCriticalPayload NotifyType = 1
	InvalidIKESPI              NotifyType = 4
	InvalidMajorVersion        NotifyType = 5
	InvalidSyntax              NotifyType = 7
	InvalidMessageID           NotifyType = 9
	InvalidSPI                 NotifyType = 11
	NoProposalChosen           NotifyType = 14
	InvalidKEPayload           NotifyType = 17
	AuthenticationFailed       NotifyType = 24
	SinglePairRequired         NotifyType = 34
	NoAdditionalSAs            NotifyType = 35
	InternalAddressFailure     NotifyType = 36
	FailedCPRequired           NotifyType = 37
	TSUnacceptable             NotifyType = 38
	InvalidSelectors           NotifyType = 39
	TemporaryFailure           NotifyType = 43
	ChildSANotFound            NotifyType = 44

	InitialContact            NotifyType = 16384
	SetWindowSize             NotifyType = 16385
	AdditionalTSPossible      NotifyType = 16386
	NATDetectionSourceIP      NotifyType = 16388
	NATDetectionDestinationIP NotifyType = 16389
	Cookie                    NotifyType = 16390
	UseTransportMode          NotifyType = 16391
	HTTPCertLookupSupported   NotifyType = 16392
	RekeySA                   NotifyType = 16393
	ESPTFCPaddingNotSupported NotifyType = 16394
	MultipleAuthSupported     NotifyType = 16404
	RedirectSupported         NotifyType = 16406
	EAPOnlyAuthentication     NotifyType = 16417
	ChildlessSupported        NotifyType = 16418
	MessageIDSyncSupported    NotifyType = 16420
	FragmentationSupported    NotifyType = 16430
	SignatureHashAlgorithms   NotifyType = 16431
)

var notifyNames = map[NotifyType]string{
	UnsupportedCriticalPayload: "UNSUPPORTED_CRITICAL_PAYLOAD",
	InvalidIKESPI:              "INVALID_IKE_SPI",
	InvalidMajorVersion:        "INVALID_MAJOR_VERSION",
	InvalidSyntax:              "INVALID_SYNTAX",
	InvalidMessageID:           "INVALID_MESSAGE_ID",
	InvalidSPI:                 "INVALID_SPI",
	NoProposalChosen:           "NO_PROPOSAL_CHOSEN",
	InvalidKEPayload:           "INVALID_KE_PAYLOAD",
	AuthenticationFailed:       "AUTHENTICATION_FAILED",
	SinglePairRequired:         "SINGLE_PAIR_REQUIRED",
	NoAdditionalSAs:            "NO_ADDITIONAL_SAS",
	InternalAddressFailure:     "INTERNAL_ADDRESS_FAILURE",
	FailedCPRequired:           "FAILED_CP_REQUIRED",
	TSUnacceptable:             "TS_UNACCEPTABLE",
	InvalidSelectors:           "INVALID_SELECTORS",
	TemporaryFailure:           "TEMPORARY_FAILURE",
	ChildSANotFound:            "CHILD_SA_NOT_FOUND",
	InitialContact:             "INITIAL_CONTACT",
	SetWindowSize:              "SET_WINDOW_SIZE",
	AdditionalTSPossible:       "ADDITIONAL_TS_POSSIBLE",
	NATDetectionSourceIP:       "NAT_DETECTION_SOURCE_IP",
	NATDetectionDestinationIP:  "NAT_DETECTION_DESTINATION_IP",
	Cookie:                     "COOKIE",
	UseTransportMode:           "USE_TRANSPORT_MODE",
	HTTPCertLookupSupported:    "HTTP_CERT_LOOKUP_SUPPORTED",
	RekeySA:                    "REKEY_SA",
	ESPTFCPaddingNotSupported:  "ESP_TFC_PADDING_NOT_SUPPORTED",
	MultipleAuthSupported:      "MULTIPLE_AUTH_SUPPORTED",
	RedirectSupported:          "REDIRECT_SUPPORTED",
	EAPOnlyAuthentication:      "EAP_ONLY_AUTHENTICATION",
	ChildlessSupported:         "CHILDLESS_IKEV2_SUPPORTED",
	MessageIDSyncSupported:     "IKEV2_MESSAGE_ID_SYNC_SUPPORTED",
	FragmentationSupported:     "IKEV2_FRAGMENTATION_SUPPORTED",
	SignatureHashAlgorithms:    "SIGNATURE_HASH_ALGORITHMS",
}

// String returns the name the RFC uses.
func (n NotifyType) String() string {
	if name, ok := notifyNames[n]; ok {
		return name
	}
	return fmt.Sprintf("notify %d", uint16(n))
}

// Error reports whether n refuses something, rather than telling a status.
func (n NotifyType) Error() bool { return n < 16384 }

// Notify is a notification payload.
type Notify struct {
	Protocol Protocol
	// SPI names the SA it is about, empty when it is about the IKE SA itself.
	SPI  []byte
	Kind NotifyType
	Data []byte
}

// Type returns TypeNotify.
func (Notify) Type() PayloadType { return TypeNotify }

func parseNotify(r *reader) (Payload, error) {
	header, err := r.take(4, "notify")
	if err != nil {
		return nil, err
	}
	spi, err := r.take(int(header[1]), "notify SPI")
	if err != nil {
		return nil, err
	}
	n := Notify{Protocol: Protocol(header[0]), Kind: NotifyType(binary.BigEndian.Uint16(header[2:]))}
	if len(spi) > 0 {
		n.SPI = spi
	}
	if r.len() > 0 {
		n.Data = r.rest()
	}
	return n, nil
}

func (n Notify) appendBody(b []byte) []byte {
	b = append(b, byte(n.Protocol), byte(len(n.SPI)))
	b = binary.BigEndian.AppendUint16(b, uint16(n.Kind))
	b = append(b, n.SPI...)
	return append(b, n.Data...)
}

// FindNotify returns the first notification of the given kind.
func FindNotify(payloads []Payload, kind NotifyType) (Notify, bool) {
	for _, p := range payloads {
		if n, ok := p.(Notify); ok && n.Kind == kind {
			return n, true
		}
	}
	return Notify{}, false
}

// FindError returns the first notification that is an error.
func FindError(payloads []Payload) (Notify, bool) {
	for _, p := range payloads {
		if n, ok := p.(Notify); ok && n.Kind.Error() {
			return n, true
		}
	}
	return Notify{}, false
}

// Delete announces that the sender has removed SAs (RFC 7296 section 3.11).
type Delete struct {
	Protocol Protocol
	// SPIs are those of ESP SAs, by which the sender receives. They are empty
	// when the IKE SA itself is meant.
	SPIs []uint32
}

// Type returns TypeDelete.
func (Delete) Type() PayloadType { return TypeDelete }

func parseDelete(r *reader) (Payload, error) {
	start := r.offset
	header, err := r.take(4, "delete")
	if err != nil {
		return nil, err
	}
	d := Delete{Protocol: Protocol(header[0])}
	size, count := int(header[1]), int(binary.BigEndian.Uint16(header[2:]))
	if count > maxSPIs {
		return nil, malformed(start+2, "more than %d SPIs", maxSPIs)
	}
	if size*count != r.len() {
		return nil, malformed(start+1, "%d SPIs of %d octets in %d", count, size, r.len())
	}
	if count == 0 {
		return d, nil
	}
	if size != 4 {
		return nil, malformed(start+1, "SPI of %d octets", size)
	}
	for range count {
		spi, _ := r.take(4, "SPI")
		d.SPIs = append(d.SPIs, binary.BigEndian.Uint32(spi))
	}
	return d, nil
}

func (d Delete) appendBody(b []byte) []byte {
	size := byte(4)
	if len(d.SPIs) == 0 {
		size = 0
	}
	b = append(b, byte(d.Protocol), size)
	b = binary.BigEndian.AppendUint16(b, uint16(len(d.SPIs)))
	for _, spi := range d.SPIs {
		b = binary.BigEndian.AppendUint32(b, spi)
	}
	return b
}
