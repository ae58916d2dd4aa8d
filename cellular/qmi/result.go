package qmi

// resultTLV is the type of the result TLV of every response.
const resultTLV = 0x02

// Result is the part that all responses have.
type Result struct {
	// Code is Success, or why the modem says no.
	Code ErrorCode
}

// walk goes over the result: two octets of yes (0) or no (1), two of error code.
func (r *Result) walk(f *fields) {
	var failed uint16
	if r.Code != Success {
		failed = 1
	}
	need(f, resultTLV, "result", r, func(c *cursor, r *Result) {
		u16(c, &failed)
		u16(c, &r.Code)
		if failed == 0 {
			r.Code = Success
		} else if r.Code == Success {
			c.fail("a failure without an error code")
		}
	})
	f.refusal = r.Code
}
