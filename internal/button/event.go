package button

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Event is what an input device reports (Linux: struct input_event).
type Event struct {
	// Time is of the clock that only runs on, and no date.
	Time       time.Duration
	Type, Code uint16
	Value      int32
}

// What is needed of linux/input-event-codes.h and linux/input.h.
const (
	evSyn      = 0
	synDropped = 3 // events were lost
	evKey      = 1
	keyUp      = 0
	keyDown    = 1 // 2 is a repetition of a key that is held

	// keyCount is how many codes of keys there are.
	keyCount = 0x300
)

// eventSize is that of a struct input_event of a 64-bit kernel, in octets: seconds
// and microseconds of eight each, type, code, value.
const eventSize = 24

// maxTime bounds what is taken for a time since the start of the kernel.
const maxTime = 100 * 365 * 24 * time.Hour

// parse decodes one event.
func parse(data []byte) (Event, error) {
	if len(data) != eventSize {
		return Event{}, fmt.Errorf("read input event: %d octets, want %d", len(data), eventSize)
	}
	seconds, microseconds := binary.NativeEndian.Uint64(data), binary.NativeEndian.Uint64(data[8:])
	if seconds > uint64(maxTime/time.Second) || microseconds >= 1e6 {
		return Event{}, fmt.Errorf("read input event: %d.%06d s is no time", seconds, microseconds)
	}
	return Event{
		Time:  time.Duration(seconds)*time.Second + time.Duration(microseconds)*time.Microsecond,
		Type:  binary.NativeEndian.Uint16(data[16:]),
		Code:  binary.NativeEndian.Uint16(data[18:]),
		Value: int32(binary.NativeEndian.Uint32(data[20:])),
	}, nil
}
