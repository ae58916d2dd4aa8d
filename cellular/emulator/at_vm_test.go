//go:build vm

package emulator

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/farspoke/farspoke/cellular/at/athost"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/internal/value"
)

// byAT waits for the modem and opens the AT port that answers.
func byAT(t *testing.T, ctx context.Context, found *value.Value[[]port.Found]) (h *athost.Host, f port.Found) {
	t.Helper()
	eventually(t, "an AT port that answers", func() bool {
		f = complete(t, found)
		for _, control := range f.Controls {
			if control.Protocol != port.AT {
				continue
			}
			p, err := port.Open(control)
			if err != nil {
				continue
			}
			if h, err = athost.Open(ctx, p, slog.New(slog.DiscardHandler)); err == nil {
				return true
			}
		}
		return false
	})
	return h, f
}

// TestKernelDrivesECM: cdc_acm and cdc_ether drive a modem of AT commands, whose end
// of a connection and whose own end are noticed.
func TestKernelDrivesECM(t *testing.T) {
	control, found := onKernel(t, usb.ECM)
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	h, f := byAT(t, ctx, found)
	c := connected(t, ctx, h, f)
	if c.DHCP || c.MTU != 1430 || c.APN != "internet" {
		t.Errorf("%+v", c)
	}
	pingBoth(t, c)
	must(t, control.Drop(0, 36))
	if _, err := h.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
		t.Errorf("a connection that the network has ended: %v", err)
	}
	must(t, control.Power(false))
	for range h.Events() {
		// until the modem is gone
	}
	if _, err := h.SIM(ctx); !errors.Is(err, modem.ErrGone) {
		t.Errorf("a modem that has gone: %v", err)
	}
	must(t, h.Close())
}

// TestATPortOfAnotherModem: a modem that speaks QMI starts again by its AT port.
func TestATPortOfAnotherModem(t *testing.T) {
	_, found := onKernel(t, usb.QMI)
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	h, _ := byAT(t, ctx, found)
	must(t, h.Restart(ctx))
	for range h.Events() {
		// until the modem has left the bus
	}
	must(t, h.Close())
	h, _ = byAT(t, ctx, found)
	if sim, err := h.SIM(ctx); err != nil || sim.ICCID == "" {
		t.Errorf("%+v, %v", sim, err)
	}
	must(t, h.Close())
}
