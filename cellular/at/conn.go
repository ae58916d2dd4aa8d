package at

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Limits of what a modem may send and of how long it may take.
const (
	// maxLine is how long a line can be; a longer one is thrown away.
	maxLine = 8 << 10
	// maxAnswer is how long all lines of an answer can be; the longest that modems
	// have, to +CLAC and +COPS=?, stay far below.
	maxAnswer = 64 << 10
	// defaultLimit is how long an answer may take that needs no network.
	defaultLimit = 5 * time.Second
)

// escape, at a prompt, makes a modem forget what it waits for; elsewhere it does
// nothing. endOfData sends it.
const (
	escape    = "\x1b"
	endOfData = "\x1a"
)

var errTooLong = errors.New("the modem's answer is too long")

// Request is a command line and what belongs to it.
type Request struct {
	// Line is what follows AT: "+CREG?".
	Line string
	// Limit is how long the modem may take, 0 for what is asked of it alone.
	Limit time.Duration
	// Names are the names of lines that belong to the answer, beside those of the
	// commands themselves.
	Names []string
	// Data is sent when the modem prompts for it.
	Data string
}

// Conn is the host's end of a port: it asks one thing at a time.
type Conn struct {
	port   io.ReadWriteCloser
	unsaid func(line string)
	turn   chan struct{} // holds a token while a request is under way
	writes chan string
	gone   chan struct{} // closed when the port can no longer be read
	stop   chan struct{} // closed by Close
	once   sync.Once
	done   sync.WaitGroup

	// echoes: the modem has repeated the last command line.
	echoes atomic.Bool
	// lost: an answer may still come to a question that nobody waits for. Owned by
	// whose turn it is.
	lost bool

	mu      sync.Mutex
	current *exchange
}

// exchange is a request under way.
type exchange struct {
	echo  string // the command line, which the modem may repeat
	names []string
	dials bool // whether the end of a call ends the answer
	// late is nil, or the exchange ends by what comes behind the echo alone, and late
	// has a token when another answer has ended.
	late   chan struct{}
	echoed bool
	lines  []string
	size   int
	err    error
	prompt chan struct{} // holds a token when the modem has prompted
	done   chan struct{} // closed when the answer has ended, with err
}

// NewConn takes over port. What the modem says unasked goes to unsolicited, line by
// line, which must neither wait nor ask.
func NewConn(port io.ReadWriteCloser, unsolicited func(line string)) *Conn {
	c := &Conn{
		port: port, unsaid: unsolicited,
		turn: make(chan struct{}, 1), writes: make(chan string), gone: make(chan struct{}), stop: make(chan struct{}),
	}
	c.done.Go(c.read)
	c.done.Go(c.write)
	return c
}

// Gone is closed when the port can no longer be read.
func (c *Conn) Gone() <-chan struct{} { return c.gone }

// Close closes the port.
func (c *Conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.stop)
		err = c.port.Close()
	})
	c.done.Wait()
	return err
}

// Do asks and returns the lines of the answer. A no is an error of this package;
// what else goes wrong wraps modem.ErrSilent, modem.ErrGone or ctx's error, and the
// next request finds the modem in step again.
func (c *Conn) Do(ctx context.Context, r Request) ([]string, error) {
	commands, err := ParseCommands(r.Line)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(r.Line, control) {
		return nil, errors.New("a control character in a command line")
	}
	lines, err := c.do(ctx, r, commands)
	if err != nil && len(commands) > 0 {
		return nil, fmt.Errorf("AT%s: %w", commands[0].Name, err) // and nothing that may be secret
	}
	return lines, err
}

func (c *Conn) do(ctx context.Context, r Request, commands []Command) ([]string, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.lost {
		if err := c.resynchronise(ctx); err != nil {
			return nil, err
		}
	}
	x := newExchange(r, commands)
	limit := r.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if err := c.await(ctx, x, limit, "AT"+r.Line+"\r", r.Data); err != nil {
		return nil, err
	}
	c.echoes.Store(x.echoed)
	return x.lines, x.err
}

// Echoes reports whether the modem repeated the last command line that it answered.
func (c *Conn) Echoes() bool { return c.echoes.Load() }

func newExchange(r Request, commands []Command) *exchange {
	x := &exchange{echo: "AT" + r.Line, names: r.Names, prompt: make(chan struct{}, 1), done: make(chan struct{})}
	for _, command := range commands {
		x.names = append(x.names[:len(x.names):len(x.names)], command.Name)
		switch command.Name {
		case "D", "A", "O", "+CGDATA", "$QCRMCALL":
			x.dials = true
		}
	}
	return x
}

// await sends text and waits for x to end; data goes out if the modem prompts. It
// leaves c in step if it returns nil.
func (c *Conn) await(ctx context.Context, x *exchange, limit time.Duration, text, data string) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	quiet := time.NewTimer(limit)
	defer quiet.Stop()
	c.begin(x)
	defer c.begin(nil)
	c.lost = true // until the answer has ended
	writes := c.writes
	var quietly <-chan time.Time // nil until an answer has ended that may be a late one
	for {
		select {
		case writes <- text:
			writes = nil
		case <-x.prompt:
			if data == "" {
				text, writes = escape, c.writes
			} else {
				text, writes = data+endOfData, c.writes
			}
		case <-x.late:
			quiet.Reset(quietLimit)
			quietly = quiet.C
		case <-x.done:
			c.lost = false
			return nil
		case <-quietly:
			c.lost = false
			return nil
		case <-c.gone:
			return modem.ErrGone
		case <-end.C:
			return modem.ErrSilent
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin makes x the exchange that the modem's lines belong to.
func (c *Conn) begin(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = x
}

// write writes what is put in writes, so that who asks need not wait for a port
// that takes nothing.
func (c *Conn) write() {
	for {
		select {
		case text := <-c.writes:
			if _, err := io.WriteString(c.port, text); err != nil {
				return // the reader notices that the modem is gone, or the limit passes
			}
		case <-c.stop:
			return
		}
	}
}

// read reads lines until the port ends.
func (c *Conn) read() {
	defer close(c.gone)
	var (
		lines   splitter
		octets  = make([]byte, 4096)
		nothing int
	)
	for {
		n, err := c.port.Read(octets)
		lines.add(octets[:n], c.line, c.prompted)
		if n > 0 {
			nothing = 0
		} else if nothing++; nothing == 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			return
		}
	}
}

// prompted: the modem wants data.
func (c *Conn) prompted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.tell(c.current.prompt)
	}
}

// line takes a line from the modem.
func (c *Conn) line(line string) {
	if !c.answer(line) {
		if _, final := Final(line); !final || line == string(ErrNoCarrier) {
			c.unsaid(line)
		}
	}
}

// answer reports whether line belongs to the request under way.
func (c *Conn) answer(line string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.current
	switch {
	case x == nil:
		return false
	case strings.EqualFold(line, x.echo):
		x.echoed = true
		return true
	case line == string(ErrNoCarrier) && !x.dials:
		return false // of a call of long ago
	}
	if refusal, final := Final(line); final {
		if x.late != nil && !x.echoed {
			x.tell(x.late)
			return true
		}
		x.end(refusal)
		c.current = nil
		return true
	}
	if !x.expects(line) {
		return false
	}
	if x.size += len(line); x.size <= maxAnswer {
		x.lines = append(x.lines, line)
	}
	return true
}

// tell puts a token into one of x's channels, if there is none.
func (x *exchange) tell(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

func (x *exchange) end(refusal error) {
	x.err = refusal
	if x.size > maxAnswer {
		x.err = errTooLong
	}
	close(x.done)
}

// expects reports whether line, which ends no answer, is part of x's.
func (x *exchange) expects(line string) bool {
	name, _ := Split(line)
	if name == "" {
		return !announcements[line]
	}
	for _, n := range x.names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return name == "+GCAP" && x.echo == "ATI"
}

// announcements are lines without a name that are no answers: what modems say when
// they start, stop, or are called.
var announcements = map[string]bool{
	"RING": true, "RDY": true, "SMS READY": true, "SMS DONE": true, "PB DONE": true, "Call Ready": true, "SMS Ready": true,
	"POWERED DOWN": true, "NORMAL POWER DOWN": true, "APP RDY": true,
}
