package mbimhost

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/cellular/mbim"
)

// pipe is our end of a line to the fake modem.
type pipe struct {
	net.Conn
	max int
}

func (p pipe) MaxMessage() int { return p.max }

// reply is what a fake modem answers.
type reply func(question mbim.Body) (mbim.Status, mbim.Body)

// fake is a modem that says what a test has scripted. It is open only after OPEN,
// has the commands that are scripted, and agrees on versions.
type fake struct {
	t    *testing.T
	port pipe // the host's end
	conn net.Conn
	log  bytes.Buffer // the host's

	// native is the highest version that the modem knows; 0 does not list VERSION.
	native mbim.Version

	mu        sync.Mutex
	intercept func(mbim.Message) bool
	opened    bool
	version   mbim.Version
	replies   map[mbim.Kind]reply
	heard     []string
	last      mbim.Message
}

// fakeModem returns a modem that waits for its host at the other end of a line of
// frames up to maxMessage octets.
func fakeModem(t *testing.T, maxMessage int) *fake {
	host, conn := net.Pipe()
	f := &fake{t: t, port: pipe{host, maxMessage}, conn: conn, version: mbim.V1, replies: make(map[mbim.Kind]reply)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return f
}

// onMessage has each message shown to intercept, which takes it by returning true.
func (f *fake) onMessage(intercept func(mbim.Message) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intercept = intercept
}

// on scripts the answer to a kind of question.
func (f *fake) on(command mbim.Command, class mbim.Class, r reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replies[mbim.Kind{Command: command, Class: class}] = r
}

// says scripts an answer that is always the same.
func (f *fake) says(command mbim.Command, class mbim.Class, body mbim.Body) {
	f.on(command, class, func(mbim.Body) (mbim.Status, mbim.Body) { return mbim.StatusOK, body })
}

// refuses scripts a no.
func (f *fake) refuses(command mbim.Command, class mbim.Class, status mbim.Status) {
	f.on(command, class, func(mbim.Body) (mbim.Status, mbim.Body) { return status, command })
}

// run answers until the line is closed.
func (f *fake) run() {
	r := mbim.Reassembler{Limit: maxMessageLen}
	for frame := make([]byte, f.port.max); ; {
		n, err := f.conn.Read(frame)
		if err != nil {
			return
		}
		m, err := r.Add(frame[:n])
		if err != nil {
			f.t.Errorf("the host sent %v", err)
		}
		if m != nil {
			f.hear(*m)
		}
	}
}

func (f *fake) hear(m mbim.Message) {
	f.mu.Lock()
	f.heard = append(f.heard, what(m))
	f.last = m
	intercept := f.intercept
	f.mu.Unlock()
	if intercept != nil && intercept(m) {
		return
	}
	switch m.Type {
	case mbim.Open:
		f.mu.Lock()
		f.opened, f.version = true, mbim.V1
		f.mu.Unlock()
		f.send(mbim.Message{Type: mbim.OpenDone, Transaction: m.Transaction})
	case mbim.Close:
		f.mu.Lock()
		f.opened = false
		f.mu.Unlock()
		f.send(mbim.Message{Type: mbim.CloseDone, Transaction: m.Transaction})
	case mbim.CommandMessage:
		f.answer(m)
	}
}

// answer answers a command.
func (f *fake) answer(m mbim.Message) {
	f.mu.Lock()
	opened, version, r := f.opened, f.version, f.replies[m.Kind()]
	f.mu.Unlock()
	if !opened {
		f.send(mbim.Message{Type: mbim.FunctionError, Transaction: m.Transaction, Error: mbim.ErrorNotOpened})
		return
	}
	switch m.Command {
	case mbim.CmdDeviceServices:
		r = f.services
	case mbim.CmdVersion:
		r = f.negotiate
	case mbim.CmdDeviceServiceSubscribeList:
		if r == nil {
			r = func(question mbim.Body) (mbim.Status, mbim.Body) { return mbim.StatusOK, question }
		}
	}
	status, body := mbim.StatusNoDeviceSupport, mbim.Body(m.Command)
	if question := mbim.Empty(m.Kind()); question != nil && r != nil {
		if err := version.Decode(m, question); err != nil {
			f.t.Errorf("the host sent %v: %v", m, err)
		}
		status, body = r(question)
	}
	a, err := version.Answer(m.Transaction, status, body)
	if err != nil {
		f.t.Error(err)
	}
	f.send(a)
}

// services lists the commands that are scripted.
func (f *fake) services(mbim.Body) (mbim.Status, mbim.Body) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[mbim.UUID][]uint32{mbim.BasicConnect: {mbim.CmdDeviceServices.CID, mbim.CmdDeviceServiceSubscribeList.CID}}
	if f.native != 0 {
		all[mbim.CmdVersion.Service] = []uint32{mbim.CmdVersion.CID}
	}
	for k := range f.replies {
		if !slices.Contains(all[k.Service], k.CID) {
			all[k.Service] = append(all[k.Service], k.CID)
		}
	}
	var list mbim.DeviceServices
	for service, cids := range all {
		list.Services = append(list.Services, mbim.ServiceElement{Service: service, CIDs: cids})
	}
	return mbim.StatusOK, &list
}

func (f *fake) negotiate(question mbim.Body) (mbim.Status, mbim.Body) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = min(question.(*mbim.Versions).Extended, f.native)
	return mbim.StatusOK, &mbim.Versions{MBIM: 0x0100, Extended: f.version}
}

// send sends a message in as many frames as it takes.
func (f *fake) send(m mbim.Message) {
	frames, err := m.Frames(f.port.max)
	if err != nil {
		f.t.Error(err)
	}
	f.write(frames...)
}

func (f *fake) write(frames ...[]byte) {
	for _, frame := range frames {
		if _, err := f.conn.Write(frame); err != nil {
			return // the host has hung up
		}
	}
}

// indicate tells something unasked.
func (f *fake) indicate(body mbim.Body) {
	f.t.Helper()
	f.mu.Lock()
	version := f.version
	f.mu.Unlock()
	m, err := version.Indication(body)
	if err != nil {
		f.t.Fatal(err)
	}
	f.send(m)
}

// sinceLast returns what the host has sent since the last call.
func (f *fake) sinceLast() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := strings.Join(f.heard, ", ")
	f.heard = nil
	return heard
}

// open opens the modem for a test.
func (f *fake) open() *Modem {
	f.t.Helper()
	m, err := Open(context.Background(), f.port, slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { m.Close() })
	return m
}

// bubble runs a test against a fake modem in virtual time.
func bubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, fakeModem(t, 4096)) })
}
