package main

import (
	"context"
	"fmt"
	"strings"
)

// cellularDir is where modems are driven beside ModemManager.
const cellularDir = "cellular/interop"

// manager says what the peer of these figures is.
const manager = "The peer is Debian's ModemManager 1.20 with all of its plugins, in the same virtual machine with the box's kernel, where the emulated modem is on the bus by vhci; with a message bus, polkitd and udevd, and nothing else."

// modemUp measures how long a modem takes to be of use.
func modemUp(ctx context.Context, built images) ([]Figure, error) {
	measured, err := built.Cellular.bench(ctx, "Up")
	if err != nil {
		return nil, err
	}
	var figures []Figure
	for _, protocol := range []string{"MBIM", "QMI"} {
		v, err := measured.values("Up/"+protocol, "ours", "manager")
		if err != nil {
			return nil, err
		}
		figures = append(figures, Figure{ID: "modem-up/" + strings.ToLower(protocol), Ours: v[0], Peer: v[1], Unit: "s", Target: 0.05})
	}
	ordinary, err := measured.values("Up/ordinary", "ours", "manager")
	if err != nil {
		return nil, err
	}
	figures[0].Method = fmt.Sprintf("From the modem's control port, /dev/cdc-wdm0, to the network device with IPv4 and IPv6 addresses and default routes; both run already when the modem is plugged in. Median of five each by MBIM, and of three by QMI, where ModemManager tries all of the serial ports first. Ours is a Station as in the router process, which finds the APN by itself. %s It is directed by `mmcli --simple-connect`, which is told the APN and started the moment that `mmcli --monitor-modems` names the modem; what `mmcli` then shows of the bearer is given to the network device without further programs. The modem's own times are 5 ms each, so that what is measured is its host. With one that takes 0.5 s for its SIM and 0.7 s to register, as a real one may, it was %.2f s against %.2f s by MBIM, once.",
		manager, ordinary[0], ordinary[1])
	return figures, nil
}

// modemIdle measures what a connected modem costs while nothing happens.
func modemIdle(ctx context.Context, built images) ([]Figure, error) {
	measured, err := built.Cellular.bench(ctx, "Idle")
	if err != nil {
		return nil, err
	}
	const benchmark = "Idle"
	memory, err := measured.values(benchmark, "ours-KiB", "manager-KiB", "bare-KiB", "around-KiB")
	if err != nil {
		return nil, err
	}
	work, err := measured.values(benchmark, "ours-wakeups", "manager-wakeups", "ours-cpu-s", "manager-cpu-s", "ours-turns", "manager-turns")
	if err != nil {
		return nil, err
	}
	return []Figure{
		{
			ID: "modem-idle/memory", Ours: memory[0] / 1024, Peer: memory[1] / 1024, Unit: "MiB", Target: 1,
			Method: fmt.Sprintf("A modem that speaks MBIM is connected, and nothing happens for two minutes. Ours is a process that runs a Station and nothing else, whole: in a box it is a part of the router process, and the same program without a Station takes %.1f MiB of it. %s Its figures are of ModemManager and the mbim-proxy that it starts; the three daemons around it take %.1f MiB more, and NetworkManager or a script, which would direct it, is not there. Memory is the proportional resident memory (Pss of /proc/PID/smaps_rollup). A wake-up is when any thread of them has a processor for the first time after a second without; all turns of threads were %.0f against %.0f an hour. Processor time is that of the emulated machine, in an hour.",
				memory[2]/1024, manager, memory[3]/1024, work[4], work[5]),
		},
		{ID: "modem-idle/wakeups", Ours: work[0], Peer: work[1], Unit: "1/h", Target: 1},
		{ID: "modem-idle/cpu", Ours: work[2], Peer: work[3], Unit: "s/h", Target: 1},
	}, nil
}
