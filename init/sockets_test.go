package main

import (
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/internal/privileged"
)

func TestSocketNames(t *testing.T) {
	for _, vrf := range []string{"", "front", "front-2", "2"} {
		for _, port := range []uint16{500, 4500, 65535} {
			gotVRF, gotPort, ok := socketOf(socketName(vrf, port))
			if gotVRF != vrf || gotPort != port || !ok {
				t.Errorf("%s names port %d of VRF %q, %v", socketName(vrf, port), gotPort, gotVRF, ok)
			}
		}
	}
	for _, name := range []string{"", "ike", "ike-front", "ike-front-", "ike-front-65536", "dhcp-front-68"} {
		if vrf, port, ok := socketOf(name); ok {
			t.Errorf("%q names port %d of VRF %q", name, port, vrf)
		}
	}
}

// dropped is PID 1 that lists what it is to let go of.
type dropped struct {
	privileged.Acts
	names []string
}

func (d *dropped) Drop(name string) { d.names = append(d.names, name) }

// heldSockets returns kept sockets of the given names, and the PID 1 that holds
// them.
func heldSockets(t *testing.T, names ...string) (*sockets, *dropped) {
	t.Helper()
	ours, theirs, err := privileged.Pair()
	if err != nil {
		t.Fatal(err)
	}
	router, err := net.FileConn(theirs)
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	pid1 := new(dropped)
	go privileged.Serve(t.Context(), slog.New(slog.DiscardHandler), ours, pid1)
	t.Cleanup(func() { router.Close(); ours.Close() })
	s := &sockets{
		pid1: privileged.NewClient(router.(*net.UnixConn)),
		log:  slog.New(slog.DiscardHandler), kept: make(map[string]*os.File),
	}
	for _, name := range names {
		if s.kept[name], err = os.Create(filepath.Join(t.TempDir(), name)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.kept[name].Close() })
	}
	return s, pid1
}

func TestSocketsAreTakenByVRF(t *testing.T) {
	s, _ := heldSockets(t, "ike-front-500", "ike-front-4500", "ike-front-50000", "ike-front-2-500", "ike--500")
	if got := slices.Sorted(maps.Keys(s.take("front"))); !slices.Equal(got, []uint16{500, 4500, 50000}) {
		t.Errorf("ports of VRF front: %v", got)
	}
	if again := s.take("front"); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
	if got := slices.Sorted(maps.Keys(s.take(""))); !slices.Equal(got, []uint16{500}) {
		t.Errorf("ports of no VRF: %v", got)
	}
}

func TestSocketsOfOtherVRFsAreDropped(t *testing.T) {
	s, pid1 := heldSockets(t, "ike-front-500", "ike-front-50000", "ike-gone-500", "ike-gone-50000")
	if err := s.dropOthers(t.Context(), []string{"front"}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ike-gone-500", "ike-gone-50000"}; !slices.Equal(pid1.names, want) {
		t.Errorf("PID 1 drops %v, want %v", pid1.names, want)
	}
	if got := slices.Sorted(maps.Keys(s.take("front"))); !slices.Equal(got, []uint16{500, 50000}) {
		t.Errorf("ports of VRF front: %v", got)
	}
}
