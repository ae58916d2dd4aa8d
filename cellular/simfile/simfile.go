// Package simfile reads what a SIM's elementary files say, as ETSI TS 102 221 and
// 3GPP TS 31.102 lay them out, whatever protocol has fetched them.
package simfile

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ICCID reads EF_ICCID: decimal digits, two to an octet with the first one low,
// filled up with 0xf.
func ICCID(b []byte) (string, error) {
	s, err := digits(b)
	if err == nil && s == "" {
		err = errors.New("no digits")
	}
	if err != nil {
		return "", fmt.Errorf("EF_ICCID: %w", err)
	}
	return s, nil
}

// IMSI reads EF_IMSI: the number of octets that follow, and in them digits as in
// [ICCID] behind a half octet that is not a digit.
func IMSI(b []byte) (string, error) {
	if len(b) < 2 || int(b[0]) < 1 || int(b[0]) > len(b)-1 {
		return "", fmt.Errorf("EF_IMSI: %d octets do not hold what they announce", len(b))
	}
	number := append([]byte(nil), b[1:1+int(b[0])]...)
	first := number[0] >> 4
	s, err := digits(number[1:])
	if err != nil || first > 9 {
		return "", errors.New("EF_IMSI: not decimal digits")
	}
	return string('0'+rune(first)) + s, nil
}

// MNCDigits reads EF_AD: how many digits of the IMSI after the first three are
// the operator's, 2 or 3; 0 where the SIM does not tell.
func MNCDigits(b []byte) int {
	const place = 3
	if len(b) <= place {
		return 0
	}
	if n := int(b[place] & 0x0f); n == 2 || n == 3 {
		return n
	}
	return 0
}

// Provider reads EF_SPN, the name the SIM gives its operator: an octet of when to
// show it, and the name with its filling.
func Provider(b []byte) string {
	if len(b) < 1 {
		return ""
	}
	return text(b[1:])
}

// Group reads EF_GID1 or EF_GID2, which are for the operator to define, as
// hexadecimal digits without the filling behind.
func Group(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == filling {
		b = b[:len(b)-1]
	}
	return hex.EncodeToString(b)
}

// filling is what fills a file up behind its contents.
const filling = 0xff

// digits reads decimal digits up to the filling.
func digits(b []byte) (string, error) {
	s := make([]byte, 0, 2*len(b))
	for _, octet := range b {
		for _, digit := range []byte{octet & 0x0f, octet >> 4} {
			switch {
			case digit == filling&0x0f:
				return string(s), nil
			case digit > 9:
				return "", errors.New("not decimal digits")
			}
			s = append(s, '0'+digit)
		}
	}
	return string(s), nil
}
