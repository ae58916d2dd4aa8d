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
	var errs []error
	for _, c := range t.clients {
		reg := c.current()
		if t.sinceBoot() >= reg.Until || ctx.Err() != nil {
			continue
		}
		id, err := t.nextRequestID()
		errs = append(errs, err, t.send(link, t.purgeRequest(id, reg.Claimed, c.server.Address), reg.NBMA))
		c.set(func() { c.state, c.registration = Down, registration{} })
	}
	return errors.Join(append(errs, t.deps.Checkpoint.Remove(t.recordName()))...)
}
