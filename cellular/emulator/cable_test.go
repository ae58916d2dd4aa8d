package emulator

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

func TestCable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(t.Context(), usb.ECM, virtual.Default())
		must(t, err)
		c := e.Cable()
		place, there, changed := c.Place()
		if place != 0 || !there {
			t.Fatalf("place %d, %v", place, there)
		}
		p, err := c.Open()
		must(t, err)
		ask := func(want string) {
			t.Helper()
			_, err := p.Write([]byte("ATE0\r"))
			must(t, err)
			synctest.Wait()
			var got []byte
			for len(got) < len(want) {
				b := make([]byte, 3) // less than a message
				n, err := p.Read(b)
				must(t, err)
				got = append(got, b[:n]...)
			}
			if string(got) != want {
				t.Errorf("the modem says %q, want %q", got, want)
			}
		}
		ask("ATE0\r\r\nOK\r\n")
		c.Reset(usb.BusReset)
		<-changed
		if _, err := p.Read(make([]byte, 1)); !errors.Is(err, modem.ErrGone) {
			t.Errorf("after a reset the port says %v", err)
		}
		if _, err := p.Write([]byte("AT\r")); !errors.Is(err, modem.ErrGone) {
			t.Errorf("after a reset the port says %v", err)
		}
		p, err = c.Open()
		must(t, err)
		ask("\r\nOK\r\n") // it is the same modem
		must(t, p.Close())
		if _, err := p.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("a closed port says %v", err)
		}

		e.Modem.Do(func() { must(t, e.carryOut(order{Do: "move", Count: 3, For: virtual.Duration(time.Second)})) })
		if _, err := c.Open(); !errors.Is(err, modem.ErrGone) {
			t.Errorf("a modem that is away says %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if place, there, _ := c.Place(); place != 3 || !there {
			t.Errorf("place %d, %v", place, there)
		}
	})
}
