package qmi

import "fmt"

// RadioInterface is a radio technology.
type RadioInterface uint8

// The radio interfaces.
const (
	RadioNone RadioInterface = 0x00
	RadioGSM  RadioInterface = 0x04
	RadioUMTS RadioInterface = 0x05
	RadioLTE  RadioInterface = 0x08
	RadioNR5G RadioInterface = 0x0c
)

// String names the technology as operators do.
func (r RadioInterface) String() string {
	switch r {
	case RadioNone:
		return "none"
	case RadioGSM:
		return "GSM"
	case RadioUMTS:
		return "UMTS"
	case RadioLTE:
		return "LTE"
	case RadioNR5G:
		return "5G"
	}
	return fmt.Sprintf("radio interface 0x%02x", uint8(r))
}
