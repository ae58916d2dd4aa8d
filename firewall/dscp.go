package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// DSCP is a value of the differentiated services field (RFC 2474), 0 to 63. In
// text it is a word of dscpNames or a number.
type DSCP uint8

// dscpNames are the code points of RFC 2474 (cs), RFC 2597 (af), RFC 3246 (ef),
// RFC 5865 (va) and RFC 8622 (le).
var dscpNames = map[string]DSCP{
	"cs0": 0, "le": 1, "cs1": 8, "af11": 10, "af12": 12, "af13": 14,
	"cs2": 16, "af21": 18, "af22": 20, "af23": 22, "cs3": 24, "af31": 26, "af32": 28, "af33": 30,
	"cs4": 32, "af41": 34, "af42": 36, "af43": 38, "cs5": 40, "va": 44, "ef": 46, "cs6": 48, "cs7": 56,
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DSCP) UnmarshalText(text []byte) error {
	if value, ok := dscpNames[strings.ToLower(string(text))]; ok {
		*d = value
		return nil
	}
	value, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil || value > 63 {
		return fmt.Errorf("%q is no DSCP; write 0 to 63, or one of %s", text, strings.Join(slices.Sorted(maps.Keys(dscpNames)), ", "))
	}
	*d = DSCP(value)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d DSCP) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the word of the code point, or its number.
func (d DSCP) String() string {
	for name, value := range dscpNames {
		if value == d {
			return name
		}
	}
	return strconv.Itoa(int(d))
}
