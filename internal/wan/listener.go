package wan

import "github.com/farspoke/farspoke/internal/dhcp"

// listener reads a dhcp.Conn in a goroutine of its own. A nil listener is one
// that never hears anything.
type listener struct {
	dhcp.Conn
	data    chan []byte
	err     chan error
	closing chan struct{}
	done    chan struct{}
}

// listen starts to read conn until close.
func listen(conn dhcp.Conn) *listener {
	l := &listener{
		Conn: conn,
		data: make(chan []byte), err: make(chan error, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go l.read()
	return l
}

func (l *listener) read() {
	defer close(l.done)
	for {
		data, err := l.Receive()
		if err != nil {
			l.err <- err
			return
		}
		select {
		case l.data <- data:
		case <-l.closing:
			return
		}
	}
}

// messages is where messages arrive.
func (l *listener) messages() <-chan []byte {
	if l == nil {
		return nil
	}
	return l.data
}

// failed is where the reason arrives for which there will be no more messages.
func (l *listener) failed() <-chan error {
	if l == nil {
		return nil
	}
	return l.err
}

// close ends the reading, waits for its end, and returns nil.
func (l *listener) close() *listener {
	if l != nil {
		close(l.closing)
		// The socket goes whatever Close says of it.
		_ = l.Close()
		<-l.done
	}
	return nil
}
