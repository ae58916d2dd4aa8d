package at

import (
	"errors"
	"fmt"
	"strings"
)

// Form is what a command is after.
type Form uint8

// The forms of commands.
const (
	// Execute does something, or asks for what cannot be set: AT+CGSN, ATE0.
	Execute Form = iota
	// Read asks for what is set: AT+CREG?
	Read
	// Test asks what can be set: AT+CREG=?
	Test
	// Set sets, or does something with parameters: AT+CREG=2
	Set
)

// Command is one command of a line.
type Command struct {
	// Name is in capitals: "+CREG", "E", "&F", "S0", "D".
	Name string
	Form Form
	// Params are the parameters as they stand: of Set, and as digits of a basic
	// command ("0" of ATE0) or what is dialled ("*99#").
	Params string
}

// String writes the command as it stands in a line. It may hold a PIN: it is for
// the modem, not for a log.
func (c Command) String() string {
	switch {
	case c.Form == Read:
		return c.Name + "?"
	case c.Form == Test:
		return c.Name + "=?"
	case c.Form == Set:
		return c.Name + "=" + c.Params
	}
	return c.Name + c.Params
}

// errEnds is of a command line that ends too early.
var errEnds = errors.New("the command line ends too early")

// ParseCommands reads a command line, with or without the AT before it, as V.250,
// 5.2.1 composes it: basic commands follow each other, extended ones have a
// semicolon between them.
func ParseCommands(line string) ([]Command, error) {
	rest := strings.TrimSpace(line)
	if len(rest) >= 2 && strings.EqualFold(rest[:2], "AT") {
		rest = rest[2:]
	}
	var all []Command
	for {
		rest = strings.TrimLeft(rest, " ;")
		if rest == "" {
			return all, nil
		}
		var (
			c   Command
			err error
		)
		switch first := rest[0]; {
		case first == '&' && len(rest) > 1 && letter(rest[1]):
			c, rest = basic(rest, 2)
		case first == 'S' || first == 's':
			c, rest, err = register(rest)
		case first == 'D' || first == 'd':
			c, rest = Command{Name: "D", Params: strings.TrimSpace(rest[1:])}, ""
		case letter(first):
			c, rest = basic(rest, 1)
		case strings.IndexByte(marks, first) >= 0:
			c, rest, err = extended(rest)
		default:
			err = fmt.Errorf("%q begins no command", first)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

// basic reads a command whose name has n octets, and the digits behind it.
func basic(line string, n int) (Command, string) {
	end := n + digits(line[n:])
	return Command{Name: strings.ToUpper(line[:n]), Params: line[n:end]}, line[end:]
}

// register reads a command about an S-parameter: S0=0, S3?
func register(line string) (Command, string, error) {
	end := 1 + digits(line[1:])
	c := Command{Name: strings.ToUpper(line[:end])}
	switch rest := line[end:]; {
	case strings.HasPrefix(rest, "=?"):
		c.Form = Test
		return c, rest[2:], nil
	case strings.HasPrefix(rest, "?"):
		c.Form = Read
		return c, rest[1:], nil
	case strings.HasPrefix(rest, "="):
		n := digits(rest[1:])
		c.Form, c.Params = Set, rest[1:1+n]
		return c, rest[1+n:], nil
	}
	return Command{}, "", errEnds
}

// extended reads a command whose name begins with a mark, to the semicolon or the
// end.
func extended(line string) (Command, string, error) {
	end := 1
	for end < len(line) && named(line[end]) {
		end++
	}
	if end == 1 {
		return Command{}, "", errEnds
	}
	c := Command{Name: strings.ToUpper(line[:end])}
	body, rest := cutSemicolon(line[end:])
	body = strings.TrimSpace(body)
	switch {
	case body == "?":
		c.Form = Read
	case body == "=?":
		c.Form = Test
	case strings.HasPrefix(body, "="):
		c.Form, c.Params = Set, strings.TrimSpace(body[1:])
		if c.Params == "?" { // as in AT+CREG= ?
			c.Form, c.Params = Test, ""
		}
	case strings.HasPrefix(body, "?"): // some makers ask with a parameter: AT!SCACT?1
		c.Params = body
	case body != "":
		return Command{}, "", fmt.Errorf("%s is followed by neither ? nor =", c.Name)
	}
	return c, rest, nil
}

// cutSemicolon cuts s at the first semicolon that is in no quotation marks.
func cutSemicolon(s string) (before, after string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// digits counts the digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
