package qmi

import "fmt"

// The first numbers of a radio interface's bands.
const (
	firstGSMBand  = 40
	firstUMTSBand = 80
	firstLTEBand  = 120
	firstNR5GBand = 250
)

// bandNames are the bands by Qualcomm's numbers, from each first one on, as
// libqmi publishes them (qmi-enums-nas.h).
var (
	gsmBands  = []string{"GSM 450", "GSM 480", "GSM 750", "GSM 850", "E-GSM 900", "GSM 900", "R-GSM 900", "DCS 1800", "PCS 1900"}
	umtsBands = []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 11, 19}
	lteBands  = []uint16{
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 33, 34, 35, 36, 37, 38, 39, 40, 18, 19, 20, 21, 24, 25, 41,
		42, 43, 23, 26, 32, 125, 126, 127, 28, 29, 30, 66, 250, 46, 27, 31, 47, 48, 71,
	}
	nr5gBands = []uint16{
		1, 2, 3, 5, 7, 8, 20, 28, 38, 41, 50, 51, 66, 70, 71, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 257, 258,
		259, 260, 261, 12, 25, 34, 39, 40, 65, 86, 48, 14, 13, 18, 26, 30, 29, 53,
	}
)

// BandName returns the name by which operators know the band of Qualcomm's
// number, such as "B20" or "n78", empty if it is not known.
func BandName(number uint16) string {
	within := func(first uint16, count int) bool { return number >= first && int(number) < int(first)+count }
	switch {
	case within(firstGSMBand, len(gsmBands)):
		return gsmBands[number-firstGSMBand]
	case within(firstUMTSBand, len(umtsBands)) && umtsBands[number-firstUMTSBand] != 0:
		return fmt.Sprintf("B%d", umtsBands[number-firstUMTSBand])
	case within(firstLTEBand, len(lteBands)):
		return fmt.Sprintf("B%d", lteBands[number-firstLTEBand])
	case within(firstNR5GBand, len(nr5gBands)):
		return fmt.Sprintf("n%d", nr5gBands[number-firstNR5GBand])
	}
	return ""
}
