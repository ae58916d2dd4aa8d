package board

// LEDModule is the driver that blinks LEDs. A board with an LED has it OnDemand, and
// PID 1 loads it when the router has started.
const LEDModule = "ledtrig_timer"

// Button is a key that the kernel reports as an input device. The zero Button is a
// board without.
type Button struct {
	// Input is the name of the input device, and Code what it reports for the key
	// (linux/input-event-codes.h).
	Input string
	Code  uint16
}

// ButtonModule is the driver that tells programs of keys. A board with a Button has it
// OnDemand, beside the driver of the key itself.
const ButtonModule = "evdev"

// The codes of keys that boards have.
const (
	keyF12       = 88
	keyRestart   = 0x198
	keyWPSButton = 0x211
)

// Clock is a clock that runs on when the board has no power. The zero Clock is a
// board without, or one whose clock the kernel has no driver for.
type Clock struct {
	// Node is its path in the device tree, and Driver the name of its driver.
	Node, Driver string
}
