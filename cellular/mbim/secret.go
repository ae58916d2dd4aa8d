package mbim

// PIN is the number that unlocks a SIM, or a PUK. It does not print.
type PIN string

// Password is what goes with a user name to an access point. It does not print.
type Password string

const hidden = "(not shown)"

// String hides the PIN.
func (PIN) String() string { return hidden }

// GoString hides the PIN.
func (PIN) GoString() string { return hidden }

// MarshalText hides the PIN.
func (PIN) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// String hides the password.
func (Password) String() string { return hidden }

// GoString hides the password.
func (Password) GoString() string { return hidden }

// MarshalText hides the password.
func (Password) MarshalText() ([]byte, error) { return []byte(hidden), nil }
