package pid1

import (
	"context"
	"log/slog"

	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/uevent"
)

// devices looks after what comes while the box runs, and after everything that
// came before it looked.
type devices struct {
	modules *kmod.Loader
	ports   ports
	end     func(ending)
	log     *slog.Logger
}

// life handles events until ctx is cancelled. After an error, among them lost
// events, it is to be called again: it begins with a coldplug.
func (d devices) life(ctx context.Context) error {
	socket, err := uevent.Listen()
	if err != nil {
		return err
	}
	defer socket.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer crashOn(d.end)
		if err := uevent.Coldplug(ctx, "/sys/devices"); err != nil && ctx.Err() == nil {
			d.log.Warn("some devices may lack their driver", "err", err)
		}
	}()
	for {
		e, err := socket.Receive(ctx)
		if err != nil {
			return err
		}
		if e.Action == "add" {
			d.added(e)
		}
	}
}

// added loads the device's driver, if the image has one, or names the port.
func (d devices) added(e uevent.Event) {
	if modalias := e.Vars["MODALIAS"]; modalias != "" {
		names, err := d.modules.LoadFor(modalias)
		if err != nil {
			d.log.Warn("device has no driver", "device", e.Path, "err", err)
		} else if len(names) > 0 {
			d.log.Debug("device has its driver", "device", e.Path, "modules", names)
		}
	}
	if e.Vars["SUBSYSTEM"] == "net" {
		if err := d.ports.name(e.Path); err != nil {
			d.log.Error("port of the case has no link", "device", e.Path, "err", err)
		}
	}
}
