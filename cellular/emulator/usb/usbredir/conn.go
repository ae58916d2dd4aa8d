package usbredir

import (
	"bufio"
	"context"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// conn is a connection with QEMU, after the hellos.
type conn struct {
	function     *usb.Function
	port         int
	in           *bufio.Reader
	outbox       *outbox
	capabilities uint32 // that both sides have
	idLen        int

	mu      sync.Mutex
	device  *usb.Device
	waiting map[uint64]*usb.Transfer // by the packet's id
	pushing map[uint8]*usb.Transfer  // by the interrupt endpoint
}

// serve speaks with one QEMU until it goes or ctx ends.
func serve(ctx context.Context, socket net.Conn, f *usb.Function, port int) error {
	tasks, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	defer socket.Close()
	c := &conn{
		function: f, port: port, in: bufio.NewReader(socket), outbox: newOutbox(),
		waiting: make(map[uint64]*usb.Transfer), pushing: make(map[uint8]*usb.Transfer),
	}
	tasks.Go(func() error { return c.outbox.write(ctx, socket) })
	tasks.Go(func() error {
		if err := c.greet(); err != nil {
			return err
		}
		tasks.Go(func() error { return c.follow(ctx) })
		return c.read()
	})
	err := tasks.Wait()
	c.abandon()
	return err
}

// greet exchanges hellos, whose ids are always short.
func (c *conn) greet() error {
	c.idLen = 4
	c.send(packet{kind: kindHello, body: hello{"farspoke emulator", capabilities}.body()})
	p, err := readPacket(c.in, c.idLen)
	if err != nil {
		return err
	}
	if p.kind != kindHello {
		return errNoHello
	}
	theirs, err := parseHello(p.body)
	if err != nil {
		return err
	}
	c.capabilities = theirs.capabilities & capabilities
	if c.has(cap64BitIDs) {
		c.idLen = 8
	}
	return nil
}

func (c *conn) has(capability uint32) bool { return c.capabilities&capability != 0 }

func (c *conn) send(p packet) { c.outbox.put(p.octets(c.idLen)) }

// follow tells QEMU of the device that is in the port, and when it has gone.
func (c *conn) follow(ctx context.Context) error {
	for {
		device, err := c.function.Plugged(ctx, c.port)
		if err != nil {
			return nil // ctx has ended
		}
		c.mu.Lock()
		c.device = device
		c.mu.Unlock()
		c.describe(device)
		c.send(packet{kind: kindDeviceConnect, body: connectBody(device, c.has(capConnectVersion))})
		select {
		case <-device.Gone():
			c.forget()
			c.send(packet{kind: kindDeviceDisconnect})
		case <-ctx.Done():
			return nil
		}
	}
}

// describe tells the device's current settings, which QEMU wants to know before
// the device is connected and before it is told that they have changed.
func (c *conn) describe(device *usb.Device) {
	interfaces := device.Interfaces()
	c.send(packet{kind: kindEndpointInfo, body: endpointBody(interfaces, c.has(capMaxPacketSize))})
	c.send(packet{kind: kindInterfaceInfo, body: interfaceBody(interfaces)})
}

// forget parts with a device that has gone.
func (c *conn) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.device = nil
	clear(c.pushing)
}

// abandon takes back what QEMU has left waiting.
func (c *conn) abandon() {
	c.mu.Lock()
	device := c.device
	var left []*usb.Transfer
	for _, t := range c.waiting {
		left = append(left, t)
	}
	for _, t := range c.pushing {
		left = append(left, t)
	}
	c.mu.Unlock()
	if device == nil {
		return
	}
	for _, t := range left {
		device.Cancel(t)
	}
	device.Reset()
}
