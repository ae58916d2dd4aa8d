package usb

// part is an interface of the function, or what several of them make together.
// The function's mutex guards it. What it returns as then is to be called without.
type part interface {
	// request answers a class request to an interface, which is not its own if it
	// is not ok.
	request(s Setup, data []byte) (reply []byte, then func(), ok bool)
	// out takes what the host sent to an endpoint. It is not ok if the endpoint is
	// another part's.
	out(endpoint uint8, data []byte) (then func(), ok bool)
	// in returns the next transfer that the host receives from an endpoint, nil if
	// there is none.
	in(endpoint uint8, limit int) []byte
	// reset forgets what is queued.
	reset()
}
