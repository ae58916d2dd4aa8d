package dmvpn

import (
	"context"
	"errors"
	"fmt"
)

// Shutdown takes the registrations back, so that the hubs do not send into a
// void for the rest of the holding time. It is called after Run has returned,
// when the box goes down.
func (t *Tunnel) Shutdown(ctx context.Context) error {
	if t.index == 0 {
		return nil
	}
	link, err := t.deps.Kernel.Listen(t.index)
	if err != nil {
		return fmt.Errorf("open %s to say good-bye: %w", t.name, err)
	}
	defer link.Close()
	t.mu.Lock()
	effects := t.client.Close(t.sinceBoot())
	t.mu.Unlock()
	var errs []error
	for _, message := range effects.Send {
		if ctx.Err() != nil {
			break
		}
		if err := link.Send(message.NBMA, message.Octets); err != nil {
			errs = append(errs, fmt.Errorf("send NHRP %s to %s: %w", message.Type, message.NBMA, err))
		}
	}
	return errors.Join(append(errs, t.deps.Checkpoint.Remove(t.recordName()))...)
}
