package at

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits of what is read as parameters; no modem needs more.
const (
	maxValues  = 512
	maxNesting = 4
)

// Kind is how a value is written.
type Kind uint8

// The kinds of values.
const (
	// Missing: nothing between two commas, "the default" or "not known".
	Missing Kind = iota
	// Word stands for itself: a number, a range of numbers, READY.
	Word
	// Quoted stands in quotation marks.
	Quoted
	// List stands in parentheses.
	List
)

// Value is a parameter. The zero Value is a missing one.
type Value struct {
	Kind Kind
	// Text is that of a Word, or what is within the marks of a Quoted.
	Text string
	// List has the elements of a List, of which there is at least one.
	List []Value
}

// Int returns a number.
func Int(n int) Value { return Value{Kind: Word, Text: strconv.Itoa(n)} }

// Text returns a string in quotation marks.
func Text(s string) Value { return Value{Kind: Quoted, Text: s} }

// Bare returns s without quotation marks.
func Bare(s string) Value { return Value{Kind: Word, Text: s} }

// Of returns a list in parentheses.
func Of(values ...Value) Value { return Value{Kind: List, List: values} }

// Int returns the value as a number, and whether it is one. Some modems put
// numbers in quotation marks.
func (v Value) Int() (int, bool) { return v.number(10) }

// Hex returns the value as a hexadecimal number, and whether it is one.
func (v Value) Hex() (int, bool) { return v.number(16) }

func (v Value) number(base int) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(v.Text), base, 64)
	return int(n), err == nil
}

// Includes reports whether n is the value, or within a range, or an element of
// the list: as the answer to a test command says what a parameter may be.
func (v Value) Includes(n int) bool {
	for _, e := range v.List {
		if e.Includes(n) {
			return true
		}
	}
	from, to, ranged := strings.Cut(v.Text, "-")
	if !ranged {
		to = from
	}
	low, err := strconv.Atoi(strings.TrimSpace(from))
	if err != nil {
		return false
	}
	high, err := strconv.Atoi(strings.TrimSpace(to))
	return err == nil && low <= n && n <= high
}

// Params are the parameters of a command or of a line.
type Params []Value

// At returns the parameter of the given index from 0, a missing one where there
// are not so many.
func (p Params) At(i int) Value {
	if i < 0 || i >= len(p) {
		return Value{}
	}
	return p[i]
}

// Int returns the parameter of the given index as a number, and whether it is one.
func (p Params) Int(i int) (int, bool) { return p.At(i).Int() }

// Text returns the text of the parameter of the given index.
func (p Params) Text(i int) string { return p.At(i).Text }

// ParseParams reads values between commas. An empty text has none.
func ParseParams(s string) (Params, error) {
	r := reader{rest: s}
	r.space()
	if r.rest == "" {
		return nil, nil
	}
	values, err := r.values(0)
	if err != nil {
		return nil, fmt.Errorf("parameters, at offset %d: %w", len(s)-len(r.rest), err)
	}
	return values, nil
}

// reader reads values off the front of rest.
type reader struct {
	rest  string
	count int
}

func (r *reader) space() { r.rest = strings.TrimLeft(r.rest, " \t") }

// values reads up to the end, or to the parenthesis that closes a list.
func (r *reader) values(nesting int) ([]Value, error) {
	var all []Value
	for {
		if r.count++; r.count > maxValues {
			return nil, fmt.Errorf("more than %d values", maxValues)
		}
		v, err := r.value(nesting)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		r.space()
		switch {
		case r.rest == "" && nesting == 0, nesting > 0 && strings.HasPrefix(r.rest, ")"):
			return all, nil
		case strings.HasPrefix(r.rest, ","):
			r.rest = r.rest[1:]
		case v.Kind == List && strings.HasPrefix(r.rest, "("):
			// Ericsson's modems have no comma between lists.
		case r.rest == "":
			return nil, errors.New("a parenthesis is not closed")
		default:
			return nil, errors.New("no comma between two values")
		}
	}
}

func (r *reader) value(nesting int) (Value, error) {
	r.space()
	switch {
	case strings.HasPrefix(r.rest, `"`):
		text, rest, closed := strings.Cut(r.rest[1:], `"`)
		if !closed {
			return Value{}, errors.New("a quotation mark is not closed")
		}
		r.rest = rest
		return Text(text), nil
	case strings.HasPrefix(r.rest, "("):
		if nesting == maxNesting {
			return Value{}, fmt.Errorf("lists nested more than %d deep", maxNesting)
		}
		r.rest = r.rest[1:]
		elements, err := r.values(nesting + 1)
		if err != nil {
			return Value{}, err
		}
		r.rest = r.rest[1:]
		return Of(elements...), nil
	}
	ends := ","
	if nesting > 0 {
		ends = ",)"
	}
	end := strings.IndexAny(r.rest, ends)
	if end < 0 {
		end = len(r.rest)
	}
	text := strings.TrimRight(r.rest[:end], " \t")
	r.rest = r.rest[end:]
	if text == "" {
		return Value{}, nil
	}
	return Bare(text), nil
}

// Format writes the parameters with commas between them. What a modem would read
// otherwise is an error: strings with quotation marks or control characters, words
// with commas.
func (p Params) Format() (string, error) {
	var s strings.Builder
	if err := write(&s, p, 0); err != nil {
		return "", err
	}
	return s.String(), nil
}

func write(s *strings.Builder, values []Value, nesting int) error {
	for i, v := range values {
		if i > 0 {
			s.WriteByte(',')
		}
		switch v.Kind {
		case Missing:
		case Word:
			if !wordly(v.Text) {
				return errors.New("a parameter is no word")
			}
			s.WriteString(v.Text)
		case Quoted:
			if strings.Contains(v.Text, `"`) || strings.ContainsFunc(v.Text, control) {
				return errors.New("a parameter has characters that no quoted string can have")
			}
			s.WriteString(`"` + v.Text + `"`)
		case List:
			if len(v.List) == 0 || nesting == maxNesting {
				return errors.New("a parameter is an empty list or one nested too deep")
			}
			s.WriteByte('(')
			if err := write(s, v.List, nesting+1); err != nil {
				return err
			}
			s.WriteByte(')')
		}
	}
	return nil
}

// wordly reports whether s can stand without quotation marks anywhere.
func wordly(s string) bool {
	return s != "" && !strings.ContainsAny(s, `,;"()`) && !strings.ContainsFunc(s, control) && strings.Trim(s, " ") == s
}

func control(r rune) bool { return r < ' ' || r == 0x7f }
