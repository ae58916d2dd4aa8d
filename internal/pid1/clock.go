package pid1

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// buildDateFile holds the date of the sources the image was built from,
	// in RFC 3339.
	buildDateFile = "/etc/farspoke/build-date"
	rtcDevice     = "/dev/rtc0"
)

// clock is the system's time with a floor under it: it was never earlier than
// when the image was built, whatever a hardware clock with an empty battery or
// a forged answer of a time server says.
type clock struct {
	floor time.Time
	now   func() time.Time
	set   func(time.Time) error
}

// systemClock returns the kernel's clock and the floor that the image gives.
func systemClock() (*clock, error) {
	c := &clock{now: time.Now, set: setSystemTime}
	data, err := os.ReadFile(buildDateFile)
	if err != nil {
		return c, fmt.Errorf("read the image's build date: %w", err)
	}
	if c.floor, err = time.Parse(time.RFC3339, strings.TrimSpace(string(data))); err != nil {
		return c, fmt.Errorf("read the image's build date: %w", err)
	}
	return c, nil
}

// start lifts the clock to the floor if it is below. The kernel has set it
// from the hardware clock, if there is one.
func (c *clock) start(log *slog.Logger) error {
	now := c.now()
	if !now.Before(c.floor) {
		return nil
	}
	log.Info("clock was before the image's build date and is set to that", "clock", now.UTC(), "build-date", c.floor)
	return c.set(c.floor)
}

// SetTime steps the clock, unless to a time below the floor.
func (c *clock) SetTime(t time.Time) error {
	if t.Before(c.floor) {
		return fmt.Errorf("%s is before the image was built, %s", t.UTC().Format(time.RFC3339), c.floor.Format(time.RFC3339))
	}
	return c.set(t)
}

// setSystemTime sets the kernel's clock and, where there is one, the hardware
// clock, so that the next start begins with a good time.
func setSystemTime(t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	rtc, err := os.Open(rtcDevice)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("set hardware clock: %w", err)
	}
	defer rtc.Close()
	t = t.UTC()
	if err := unix.IoctlSetRTCTime(int(rtc.Fd()), &unix.RTCTime{
		Sec: int32(t.Second()), Min: int32(t.Minute()), Hour: int32(t.Hour()),
		Mday: int32(t.Day()), Mon: int32(t.Month()) - 1, Year: int32(t.Year()) - 1900,
	}); err != nil {
		return fmt.Errorf("set hardware clock: %w", err)
	}
	return nil
}
