package qmi

import "fmt"

// fields goes over the TLVs of a body, one way or the other: it finds each field
// among tlvs and reads it, or writes it and appends it to them. So each kind of
// message is described once, by its walk method, for both directions.
type fields struct {
	tlvs    []TLV
	writing bool
	// refusal is the error code of a response; unless it is Success, the fields
	// that the response must have are neither read nor written.
	refusal ErrorCode
	err     error
}

// need goes over the TLV of type t that the message must have. what names it to
// whoever reads an error.
func need[T any](f *fields, t uint8, what string, v *T, walk func(*cursor, *T)) {
	if f.err != nil || f.refusal != Success {
		return
	}
	if f.writing {
		f.write(t, what, func(c *cursor) { walk(c, v) })
		return
	}
	value, ok := f.find(t)
	if !ok {
		f.err = fmt.Errorf("%s (TLV 0x%02x) is missing", what, t)
		return
	}
	f.read(t, what, value, func(c *cursor) { walk(c, v) })
}

// optional goes over the TLV of type t that the message may have. *v is nil
// where it has not: in QMI absent and empty are different things.
func optional[T any](f *fields, t uint8, what string, v **T, walk func(*cursor, *T)) {
	if f.err != nil {
		return
	}
	if f.writing {
		if *v != nil {
			f.write(t, what, func(c *cursor) { walk(c, *v) })
		}
		return
	}
	if value, ok := f.find(t); ok {
		*v = new(T)
		f.read(t, what, value, func(c *cursor) { walk(c, *v) })
	}
}

// find returns the value of the first TLV of type t.
func (f *fields) find(t uint8) ([]byte, bool) {
	for _, tlv := range f.tlvs {
		if tlv.Type == t {
			return tlv.Value, true
		}
	}
	return nil, false
}

// read goes over value, which is that of TLV t. Octets after what is known of
// it are a newer modem's and passed over.
func (f *fields) read(t uint8, what string, value []byte, walk func(*cursor)) {
	c := cursor{b: value}
	walk(&c)
	f.check(t, what, &c)
}

// write appends TLV t.
func (f *fields) write(t uint8, what string, walk func(*cursor)) {
	c := cursor{writing: true}
	walk(&c)
	if f.check(t, what, &c); f.err == nil && len(c.b) > 0xffff {
		f.err = fmt.Errorf("%s (TLV 0x%02x) has %d octets, more than a TLV holds", what, t, len(c.b))
	}
	f.tlvs = append(f.tlvs, TLV{Type: t, Value: c.b})
}

// check takes over the error that c met in TLV t.
func (f *fields) check(t uint8, what string, c *cursor) {
	if c.err != nil {
		f.err = fmt.Errorf("%s (TLV 0x%02x): %w", what, t, c.err)
	}
}

// noFields is the contents of a message without TLVs.
type noFields struct{}

func (noFields) walk(*fields) {}
