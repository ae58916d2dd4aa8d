// Command emulate is an emulated modem of its own, for QEMU, for the kernel it runs
// on, or for mbimcli and qmicli:
//
//	go run ./cellular/emulator/emulate -usbredir /tmp/modem -control /tmp/modem-control -tun lte
//	qemu-system-aarch64 … -device qemu-xhci -chardev socket,id=modem,path=/tmp/modem -device usb-redir,chardev=modem
//
//	unshare -rn go run ./cellular/emulator/emulate -proxy &
//	mbimcli -p -d /dev/null --query-device-caps
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/usbredir"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// options are what the command line says.
type options struct {
	protocol, scenario, control, tun, pty string
	usbredir                              list
	vhci, proxy                           bool
}

const help = `emulate is a cellular modem in software: SIMs, networks, MBIM, QMI or AT, and USB.

  emulate -usbredir PATH … [-control PATH] [-tun NAME]   for QEMU's usb-redir devices
  emulate -vhci …                                        for this machine's own kernel
  emulate -proxy …                                       for mbimcli -p or qmicli -p
  emulate -pty PATH …                                    for programs that open PATH like a serial port

`

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func main() {
	var o options
	flag.StringVar(&o.protocol, "protocol", "mbim", "how hosts direct the modem: `mbim, qmi or at`")
	flag.StringVar(&o.scenario, "scenario", "", "`file` in JSON of SIMs, networks and times; what it leaves out is one SIM at home in LTE")
	flag.Var(&o.usbredir, "usbredir", "listen at `path` for QEMU's usb-redir; again for a second USB port")
	flag.BoolVar(&o.vhci, "vhci", false, "plug the modem into this kernel (module vhci_hcd)")
	flag.StringVar(&o.pty, "pty", "", "make the control port a pseudo terminal, with a link to it at `path`")
	flag.BoolVar(&o.proxy, "proxy", false, "be @mbim-proxy or @qmi-proxy, for mbimcli -p or qmicli -p")
	flag.StringVar(&o.control, "control", "", "listen at `path` for orders of what goes wrong, a line of JSON each")
	flag.StringVar(&o.tun, "tun", "", "carry packets by a TUN device of the `name`; without it, the network just answers pings")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), help)
		flag.PrintDefaults()
	}
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "emulate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	profile, ok := map[string]usb.Profile{"mbim": usb.MBIM, "qmi": usb.QMI, "at": usb.ECM}[o.protocol]
	if !ok {
		return fmt.Errorf("there is no protocol %q but mbim, qmi and at", o.protocol)
	}
	scenario, err := read(o.scenario)
	if err != nil {
		return err
	}
	network, err := o.carrier(scenario)
	if err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	e, err := emulator.New(ctx, profile, scenario)
	if err != nil {
		return err
	}
	tasks.Go(func() error { return e.Carry(ctx, network) })
	if o.control != "" {
		l, err := net.Listen("unix", o.control)
		if err != nil {
			return err
		}
		tasks.Go(func() error { return e.Control(ctx, l) })
	}
	if err := o.front(ctx, tasks, e); err != nil {
		return err
	}
	return tasks.Wait()
}

// front starts the front end, of which there is one.
func (o options) front(ctx context.Context, tasks *errgroup.Group, e *emulator.Emulator) error {
	chosen := 0
	for _, front := range []bool{o.proxy, o.vhci, o.pty != "", len(o.usbredir) > 0} {
		if front {
			chosen++
		}
	}
	switch {
	case chosen != 1:
		return errors.New("say one of -usbredir, -vhci, -pty and -proxy")
	case o.pty != "":
		tasks.Go(func() error { return e.PTY(ctx, o.pty) })
		return nil
	case o.proxy:
		l, err := net.Listen("unix", e.ProxySocket())
		if err != nil {
			return err
		}
		tasks.Go(func() error { return e.Proxy(ctx, l) })
		return nil
	}
	f, err := e.USB()
	if err != nil {
		return err
	}
	tasks.Go(func() error { return f.Run(ctx) })
	if o.vhci {
		tasks.Go(func() error { return vhci.Attach(ctx, f) })
	}
	for port, path := range o.usbredir {
		l, err := net.Listen("unix", path)
		if err != nil {
			return err
		}
		tasks.Go(func() error { return usbredir.Serve(ctx, l, f, port) })
	}
	return nil
}

func read(path string) (virtual.Scenario, error) {
	if path == "" {
		return virtual.Default(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return virtual.Scenario{}, err
	}
	defer f.Close()
	return virtual.Read(f)
}

// carrier is the network: a TUN device with the first address of each pool.
func (o options) carrier(s virtual.Scenario) (emulator.Carrier, error) {
	if o.tun == "" {
		return carrier.NewEcho(), nil
	}
	return carrier.Open(o.tun, s.Gateways()...)
}
