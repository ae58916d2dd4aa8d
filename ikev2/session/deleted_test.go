package session

import (
	"testing"
	"time"
)

// deleteIKE has the hub delete its IKE SAs, and be open for others.
func (w *world) deleteIKE() {
	w.apply(w.hub, w.hub.session.Close(w.now))
	w.hub.session.state.Closing = false
}

// deleteChild has the hub delete its child SAs.
func (w *world) deleteChild() {
	w.apply(w.hub, w.hub.session.step(w.now, func() {
		for _, child := range w.hub.session.children() {
			w.hub.session.retire(child)
			child.Delete = true
		}
	}))
}

func TestWhatTheHubDeletesIsMadeAgainAtOnce(t *testing.T) {
	for name, deleteIt := range map[string]func(*world){"IKE SA": (*world).deleteIKE, "child SA": (*world).deleteChild} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w := newWorld(t, 20, c, c)
			w.up()
			w.run(time.Minute)
			newest := func() uint32 { return w.hub.kernel[len(w.hub.kernel)-1].SPI }
			before := newest()
			deleteIt(w)
			w.run(200 * time.Millisecond) // three round trips and a half
			w.checkTraffic()
			if newest() == before {
				t.Error("nothing was deleted")
			}
		})
	}
}

func TestAHubThatDeletesWhateverItGetsIsNotAskedInALoop(t *testing.T) {
	for name, deleteIt := range map[string]func(*world){"IKE SA": (*world).deleteIKE, "child SA": (*world).deleteChild} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w := newWorld(t, 21, c, c)
			w.up()
			ups := 0
			for range 100 { // ten seconds
				if w.spoke.count(Up) > ups {
					ups = w.spoke.count(Up)
					deleteIt(w)
				}
				w.run(100 * time.Millisecond)
			}
			if made := w.spoke.count(Up); made < 5 || made > 13 {
				t.Errorf("made %d times in ten seconds, want about once a second", made)
			}
		})
	}
}
