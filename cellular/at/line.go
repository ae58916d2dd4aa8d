package at

import "strings"

// marks are the first characters of names: + of the standards, the others of
// makers.
const marks = "+^!#$*%&@_"

// Split cuts the name off a line that a modem sends, as "+CREG" off "+CREG: 0,1".
// Lines such as "RING" or the answer to +CGMI have none; some, such as
// "^SYSSTART", have nothing else.
func Split(line string) (name, rest string) {
	if line == "" || !strings.Contains(marks, line[:1]) {
		return "", line
	}
	end := 1
	for end < len(line) && named(line[end]) {
		end++
	}
	after := strings.TrimLeft(line[end:], " ")
	switch {
	case end == 1:
		return "", line
	case after == "":
		return line[:end], ""
	case after[0] == ':':
		return line[:end], strings.TrimSpace(after[1:])
	}
	return "", line
}

// Line writes the line that Split takes apart.
func Line(name string, params ...Value) (string, error) {
	text, err := Params(params).Format()
	if err != nil {
		return "", err
	}
	return name + ": " + text, nil
}

// named reports whether a name can have c after its mark (V.250, 5.4.1, without
// the colon).
func named(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!%-./_", c) >= 0
}
