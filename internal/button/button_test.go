package button

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// restart is the code of the key in these tests.
const restart = 0x198

// keys is an input device, and all there are, that a test plays with.
type keys struct {
	boot   time.Time
	there  chan struct{} // closed when the driver has come
	held   bool          // when it is opened
	events chan Event
	closed chan struct{}
}

func newKeys() *keys {
	return &keys{boot: time.Now(), there: make(chan struct{}), events: make(chan Event), closed: make(chan struct{})}
}

func (k *keys) Await(ctx context.Context, name string) (Device, error) {
	if name != "gpio-keys" {
		return nil, errors.New("another name")
	}
	select {
	case <-k.there:
		return k, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *keys) Held(code uint16) (bool, error) { return k.held && code == restart, nil }

func (k *keys) Read() (Event, error) {
	select {
	case e := <-k.events:
		return e, nil
	case <-k.closed:
		return Event{}, os.ErrClosed
	}
}

func (k *keys) Close() error { close(k.closed); return nil }

// report is an event now.
func (k *keys) report(kind, code uint16, value int32) {
	k.events <- Event{Time: time.Since(k.boot), Type: kind, Code: code, Value: value}
	k.events <- Event{Time: time.Since(k.boot), Type: evSyn}
	synctest.Wait()
}

func (k *keys) press()   { k.report(evKey, restart, keyDown) }
func (k *keys) release() { k.report(evKey, restart, keyUp) }

// play runs a Button while a test plays. It counts resets.
func play(t *testing.T, refused error, play func(k *keys, b *Button, resets *int)) {
	synctest.Test(t, func(t *testing.T) {
		k, resets := newKeys(), 0
		b := New(Key{"gpio-keys", restart}, k, func(context.Context) error { resets++; return refused }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		play(k, b, &resets)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestHowLongItIsHeld(t *testing.T) {
	for held, want := range map[time.Duration]int{
		50 * time.Millisecond:    0,
		9999 * time.Millisecond:  0,
		10001 * time.Millisecond: 1,
		29999 * time.Millisecond: 1,
		30001 * time.Millisecond: 0,
		24 * time.Hour:           0,
	} {
		play(t, nil, func(k *keys, b *Button, resets *int) {
			close(k.there)
			k.press()
			time.Sleep(held)
			synctest.Wait()
			if b.Armed() != (want == 1) {
				t.Errorf("held for %v: armed %v", held, b.Armed())
			}
			k.release()
			if *resets != want || b.Armed() != (want == 1) {
				t.Errorf("held for %v: %d resets, want %d, armed %v", held, *resets, want, b.Armed())
			}
			time.Sleep(time.Hour)
			if *resets != want {
				t.Errorf("held for %v: %d resets an hour later", held, *resets)
			}
		})
	}
}

// TestStuckKey is down from power-on on: nothing happens until it was up, and then
// it is a button again.
func TestStuckKey(t *testing.T) {
	play(t, nil, func(k *keys, b *Button, resets *int) {
		k.held = true
		close(k.there)
		time.Sleep(15 * time.Second)
		if synctest.Wait(); b.Armed() {
			t.Error("a key that was down already arms")
		}
		k.release()
		if *resets != 0 {
			t.Error("a key that was down already resets")
		}
		k.press()
		time.Sleep(Hold + time.Second)
		k.release()
		if *resets != 1 {
			t.Errorf("a press after that: %d resets", *resets)
		}
	})
}

// TestWhatIsNoPress has events that neither begin nor end one.
func TestWhatIsNoPress(t *testing.T) {
	play(t, nil, func(k *keys, b *Button, resets *int) {
		close(k.there)
		k.report(evKey, 88, keyDown) // another key
		time.Sleep(Hold + time.Second)
		k.report(evKey, 88, keyUp)
		k.release() // without its beginning
		// A short press, and a long time.
		k.press()
		k.release()
		time.Sleep(Hold + time.Second)
		k.release()
		// Repetitions while it is down, of a press that is too short.
		k.press()
		for range 9 {
			time.Sleep(time.Second)
			k.report(evKey, restart, 2)
		}
		k.release()
		if synctest.Wait(); *resets != 0 || b.Armed() {
			t.Errorf("%d resets, armed %v", *resets, b.Armed())
		}
	})
}

// TestLostEvents has the kernel lose some in the middle of a press: the key may have
// been up meanwhile.
func TestLostEvents(t *testing.T) {
	play(t, nil, func(k *keys, b *Button, resets *int) {
		close(k.there)
		k.press()
		time.Sleep(Hold + time.Second)
		k.report(evSyn, synDropped, 0)
		if b.Armed() {
			t.Error("it is armed by a press that may be two")
		}
		k.release()
		if *resets != 0 {
			t.Error("the box was reset by a press that may be two")
		}
	})
}

// TestLateNews hears of a press when it is over: what counts is when it was.
func TestLateNews(t *testing.T) {
	for held, want := range map[time.Duration]int{5 * time.Second: 0, 15 * time.Second: 1} {
		play(t, nil, func(k *keys, b *Button, resets *int) {
			close(k.there)
			k.press()
			time.Sleep(20 * time.Second)
			k.events <- Event{Time: held, Type: evKey, Code: restart, Value: keyUp}
			if synctest.Wait(); *resets != want {
				t.Errorf("a press of %v was %d resets, want %d", held, *resets, want)
			}
		})
	}
}

func TestRefusedReset(t *testing.T) {
	play(t, errors.New("the disk is full"), func(k *keys, b *Button, resets *int) {
		close(k.there)
		for i := range 2 {
			k.press()
			time.Sleep(Hold + time.Second)
			k.release()
			if *resets != i+1 || b.Armed() {
				t.Errorf("%d resets asked for, armed %v", *resets, b.Armed())
			}
		}
	})
}

func TestDeviceGoesInTheMiddleOfAPress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeys()
		close(k.there)
		b := New(Key{"gpio-keys", restart}, k, func(context.Context) error { t.Error("reset"); return nil }, slog.New(slog.DiscardHandler))
		done := make(chan error)
		go func() { done <- b.Run(t.Context()) }()
		k.press()
		time.Sleep(Hold + time.Second)
		k.closed <- struct{}{} // Read fails
		if err := <-done; !errors.Is(err, os.ErrClosed) || b.Armed() {
			t.Errorf("Run = %v, armed %v", err, b.Armed())
		}
	})
}

func TestDriverThatNeverComes(t *testing.T) {
	play(t, nil, func(*keys, *Button, *int) { time.Sleep(time.Hour) })
}
