package pid1

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// process records signals and ends on those it does not ignore.
type process struct {
	signals []os.Signal
	ignore  os.Signal
	exited  chan error
}

func (p *process) Signal(s os.Signal) error {
	p.signals = append(p.signals, s)
	if s != p.ignore {
		p.exited <- errors.New("signal: " + s.String())
	}
	return nil
}

func TestWatch(t *testing.T) {
	for _, test := range []struct {
		name    string
		beats   int // one each 2 s
		ignore  os.Signal
		signals []os.Signal
		lived   time.Duration
	}{
		{"never alive", 0, nil, []os.Signal{unix.SIGQUIT}, firstWord},
		{"hung", 3, nil, []os.Signal{unix.SIGQUIT}, 6*time.Second + silence},
		{"hung deep", 3, unix.SIGQUIT, []os.Signal{unix.SIGQUIT, unix.SIGKILL}, 6*time.Second + silence + lastWords},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &process{ignore: test.ignore, exited: make(chan error, 2)}
				alive := make(chan struct{})
				go func() {
					for range test.beats {
						time.Sleep(2 * time.Second)
						alive <- struct{}{}
					}
				}()
				started := time.Now()
				err := watch(p, alive, p.exited)
				if err == nil || !strings.Contains(err.Error(), "no sign of life") {
					t.Errorf("got %v", err)
				}
				if !slices.Equal(p.signals, test.signals) || time.Since(started) != test.lived {
					t.Errorf("%v after %v, want %v after %v", p.signals, time.Since(started), test.signals, test.lived)
				}
			})
		})
	}
}

func TestWatchReturnsTheExitStatus(t *testing.T) {
	p := &process{exited: make(chan error, 1)}
	p.exited <- errors.New("exit status 2")
	if err := watch(p, nil, p.exited); err == nil || err.Error() != "exit status 2" {
		t.Errorf("got %v", err)
	}
	p.exited <- nil
	if err := watch(p, nil, p.exited); err == nil {
		t.Error("a router that returns is a failure")
	}
	if len(p.signals) != 0 {
		t.Errorf("signals %v", p.signals)
	}
}
