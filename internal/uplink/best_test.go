package uplink

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/internal/value"
)

// source is an underlay whose routes exist in its State alone.
type source struct {
	name   string
	metric int
	state  value.Value[State]
}

func (s *source) State() *value.Value[State] { return &s.state }

func (s *source) Demote(demote bool) {
	state, _ := s.state.Load()
	state.Metric = s.metric
	if demote {
		state.Metric += 1 << 20
	}
	s.state.Set(state)
}

func (s *source) up() { s.state.Set(State{Name: s.name, Up: true, Metric: s.metric}) }

func (s *source) down() { s.state.Set(State{Name: s.name}) }

// scene is a Best that follows a landline and a modem.
type scene struct {
	*testing.T
	wan, lte *source
	best     *Best
}

// play runs what a test does with the scene, in a time of its own.
func play(t *testing.T, do func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, wan: &source{name: "wan", metric: 100}, lte: &source{name: "lte", metric: 200}}
		s.best = NewBest(slog.New(slog.DiscardHandler), s.wan, s.lte)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.best.Run(ctx) }()
		do(s)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (s *scene) expect(what, want string) {
	s.Helper()
	synctest.Wait()
	if got, _ := s.best.State().Load(); got.Name != want {
		s.Errorf("%s: best is %q, want %q", what, got.Name, want)
	}
}

func TestBestFollowsMetricAndLoss(t *testing.T) {
	play(t, func(s *scene) {
		s.expect("nothing is up", "")
		s.lte.up()
		s.expect("lte comes up", "lte")
		s.wan.up()
		s.expect("wan comes up and is better", "wan")
		s.wan.down()
		s.expect("wan is lost", "lte")
		s.lte.down()
		s.expect("lte is lost", "")
	})
}

func TestBestLeavesUplinkThatLeadsNowhere(t *testing.T) {
	play(t, func(s *scene) {
		s.wan.up()
		s.expect("there is no other", "wan")
		s.best.Mistrust("wan")
		s.expect("there is still no other", "wan")
		s.lte.up()
		s.expect("another comes up", "wan")
		s.best.Mistrust("lte")
		s.expect("one that is not in use is mistrusted", "wan")
		s.best.Mistrust("wan")
		s.expect("nobody is reached over wan", "lte")
		time.Sleep(firstPause - time.Second)
		s.expect("shortly before the pause is over", "lte")
		time.Sleep(time.Second)
		s.expect("the pause is over", "wan")
		s.best.Mistrust("wan")
		s.expect("wan still leads nowhere", "lte")
		time.Sleep(2*firstPause - time.Second)
		s.expect("the second pause is longer", "lte")
		time.Sleep(time.Second)
		s.expect("the second pause is over", "wan")
		time.Sleep(2 * longestPause)
		s.best.Mistrust("wan")
		s.expect("wan has worked for long, and fails again", "lte")
		time.Sleep(firstPause)
		s.expect("the pause is as short as at first", "wan")
	})
}

func TestBestTakesTurnsWhenNoUplinkLeadsAnywhere(t *testing.T) {
	play(t, func(s *scene) {
		s.wan.up()
		s.lte.up()
		for _, next := range []string{"lte", "wan", "lte", "wan"} {
			s.expect("before", map[string]string{"lte": "wan", "wan": "lte"}[next])
			now, _ := s.best.State().Load()
			s.best.Mistrust(now.Name)
			s.expect("nobody is reached over "+now.Name, next)
		}
		s.lte.down()
		s.best.Mistrust("wan")
		s.expect("the other is down", "wan")
	})
}

func TestBestIsQuietWhenNothingChanges(t *testing.T) {
	play(t, func(s *scene) {
		s.wan.up()
		s.expect("wan comes up", "wan")
		_, changed := s.best.State().Load()
		s.wan.up()
		synctest.Wait()
		select {
		case <-changed:
			t.Error("the same state was announced twice")
		default:
		}
	})
}
