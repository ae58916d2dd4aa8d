package kmod

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// kernel records what is loaded into it and refuses some.
type kernel struct {
	mu     sync.Mutex
	loaded []string
	refuse string
}

func (k *kernel) init(path, params string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := Name(path)
	if name == k.refuse {
		return errors.New("invalid module format")
	}
	k.loaded = append(k.loaded, strings.TrimSpace(name+" "+params))
	return nil
}

func newTestLoader(t *testing.T, k *kernel) *Loader {
	t.Helper()
	index, err := ReadIndex(debian)
	if err != nil {
		t.Fatal(err)
	}
	return newLoader(index, k.init)
}

func TestLoadEachModuleOnce(t *testing.T) {
	var k kernel
	l := newTestLoader(t, &k)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := l.Load("virtio_net", "nf_tables"); err != nil {
				t.Error(err)
			}
			if got := k.index("virtio_net"); got < k.index("net_failover") {
				t.Error("virtio_net came before what it needs")
			}
		})
	}
	all.Wait()
	if len(k.loaded) != 6 {
		t.Errorf("loaded %q", k.loaded)
	}
}

func (k *kernel) index(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Index(k.loaded, name)
}

func TestLoadParams(t *testing.T) {
	var k kernel
	l := newTestLoader(t, &k)
	if err := l.LoadParams("virtio_net", "napi_tx=0"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"failover", "net_failover", "virtio_net napi_tx=0"}; !slices.Equal(k.loaded, want) {
		t.Errorf("loaded %q, want %q", k.loaded, want)
	}
}

func TestLoadFor(t *testing.T) {
	var k kernel
	l := newTestLoader(t, &k)
	if names, err := l.LoadFor("virtio:d00000001v00001AF4"); err != nil || !slices.Equal(names, []string{"virtio_net"}) {
		t.Errorf("got %q, %v", names, err)
	}
	if names, err := l.LoadFor("pci:v0000DEADd0000BEEF"); err != nil || names != nil {
		t.Errorf("device without driver: got %q, %v", names, err)
	}
}

func TestLoadGoesOnAfterAFailure(t *testing.T) {
	k := kernel{refuse: "failover"}
	l := newTestLoader(t, &k)
	err := l.Load("vrf", "virtio_net", "i6300esb")
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "invalid module format") {
		t.Errorf("got %v, want both reasons", err)
	}
	if !slices.Equal(k.loaded, []string{"i6300esb"}) {
		t.Errorf("loaded %q", k.loaded)
	}
}
