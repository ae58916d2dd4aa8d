package handshake

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// kernel is this machine's, which is asked for all that our Engine wants of it.
// If it has no ESP and refuses an SA, the Engine is told that there is one.
type kernel struct {
	*xfrm.Handle

	mu  sync.Mutex
	sas map[xfrm.ID]xfrm.State
}

func newKernel(handle *xfrm.Handle) *kernel {
	return &kernel{Handle: handle, sas: make(map[xfrm.ID]xfrm.State)}
}

func (k *kernel) AddSA(sa xfrm.SA) error {
	// It says ENOSYS of a cipher it does not have.
	err := k.Handle.AddSA(sa)
	if err != nil && !errors.Is(err, unix.EPROTONOSUPPORT) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sas[sa.ID()] = xfrm.State{SA: sa}
	return nil
}

func (k *kernel) DeleteSA(id xfrm.ID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sas, id)
	return k.Handle.DeleteSA(id)
}

func (k *kernel) SAs(uint32) ([]xfrm.State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.sas)), nil
}
