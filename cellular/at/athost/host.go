package athost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Limits of answers. The standard has none; these are what makers' manuals give,
// where they agree.
const (
	// hello is for the first words to a modem that may still start.
	hello = time.Second
	// cardLimit is for what the SIM is asked.
	cardLimit = 20 * time.Second
	// radioLimit is for turning the radio on and off.
	radioLimit = 30 * time.Second
	// networkLimit is for what the network is asked: the 150 s of Quectel and others.
	networkLimit = 150 * time.Second
	// scanLimit is for registering with a network that was chosen: 180 s.
	scanLimit = 180 * time.Second
)

// Host directs one modem.
type Host struct {
	conn  *at.Conn
	bell  *modem.Bell
	log   *slog.Logger
	ended chan struct{} // closed when the bell has been

	maker    *maker
	identity modem.Identity
	// unheard are the names of commands that shall make the modem tell of changes, and
	// that it has not taken yet: some are refused while there is no SIM.
	unheard []string
	// unknown are names of commands that the modem does not know.
	unknown map[string]bool
	// card is what was last read of a SIM.
	card card
	// operators are names of networks by their numbers.
	operators map[string]string
	// credentials are those that the data context has, nil before they were set.
	credentials *modem.APN

	// echoes: the modem repeats command lines although it was told not to, or may still.
	echoes bool
	// restarted: the modem has started again by itself and forgotten all settings.
	restarted atomic.Bool
	// end is why the data path last ended, as the modem said unasked.
	end atomic.Pointer[ending]
}

// ending is the end of a data path.
type ending struct {
	cause modem.SessionCause
}

var _ modem.Modem = (*Host)(nil)

// Open begins a conversation over port, which Close closes; if Open fails it has.
func Open(ctx context.Context, port io.ReadWriteCloser, log *slog.Logger) (*Host, error) {
	h := &Host{bell: modem.NewBell(), log: log, ended: make(chan struct{}), operators: map[string]string{}}
	h.conn = at.NewConn(port, h.unsolicited)
	go func() {
		defer close(h.ended)
		<-h.conn.Gone()
		h.bell.Close()
	}()
	if err := h.setUp(ctx); err != nil {
		_ = h.Close()
		return nil, fmt.Errorf("begin to speak with the modem: %w", err)
	}
	return h, nil
}

// Close ends the conversation and leaves the modem's connections as they are.
func (h *Host) Close() error {
	err := h.conn.Close()
	<-h.ended
	return err
}

// Events tells what has changed.
func (h *Host) Events() <-chan modem.Event { return h.bell.Events() }

// setUp makes the modem answer in words and tell of changes, and finds out what it
// is.
func (h *Host) setUp(ctx context.Context) error {
	h.restarted.Store(false)
	h.echoes = true
	h.unknown = map[string]bool{}
	h.card, h.credentials = card{}, nil
	var err error
	for range 3 { // the first characters are lost on modems that were asleep
		if _, err = h.conn.Do(ctx, at.Request{Line: "Q0V1E0", Limit: hello}); err == nil || !errors.Is(err, modem.ErrSilent) {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := h.tell(ctx, "+CMEE", at.Int(1)); fatal(err) {
		return err
	}
	h.echoes = h.conn.Echoes()
	if err := h.identify(ctx); err != nil {
		return err
	}
	h.unheard = append([]string(nil), reports...)
	return h.listen(ctx)
}

// reports are the commands that make a modem tell of changes.
var reports = []string{"+CREG", "+CGREG", "+CEREG", "+C5GREG", "+CGEREP"}

// listen gives the modem the commands of reports that it has not taken yet.
func (h *Host) listen(ctx context.Context) error {
	var left []string
	for _, name := range h.unheard {
		// 3 is with the cause of a refusal, 2 with the cell.
		modes := [][]at.Value{{at.Int(3)}, {at.Int(2)}, {at.Int(1)}}
		if name == "+CGEREP" {
			modes = [][]at.Value{{at.Int(2), at.Int(1)}, {at.Int(2)}, {at.Int(1)}}
		}
		var err error
		for _, mode := range modes {
			if err = h.tell(ctx, name, mode...); err == nil || fatal(err) || errors.Is(err, modem.ErrNoSIM) {
				break
			}
		}
		if fatal(err) {
			return err
		}
		if errors.Is(err, modem.ErrNoSIM) {
			left = append(left, name)
		}
	}
	h.unheard = left
	return nil
}

// fatal reports whether err is more than an answer that is a no or makes no sense:
// there is no point in asking something else.
func fatal(err error) bool {
	return errors.Is(err, modem.ErrGone) || errors.Is(err, modem.ErrSilent) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// ask asks for what can be read at once and returns the lines of the answer.
func (h *Host) ask(ctx context.Context, line string) ([]string, error) {
	return h.do(ctx, at.Request{Line: line})
}

// tell sets something, or does it.
func (h *Host) tell(ctx context.Context, name string, params ...at.Value) error {
	return h.tellSlowly(ctx, 0, name, params...)
}

// tellSlowly is tell for what takes longer.
func (h *Host) tellSlowly(ctx context.Context, limit time.Duration, name string, params ...at.Value) error {
	text, err := at.Params(params).Format()
	if err != nil {
		return fmt.Errorf("AT%s: %w", name, err)
	}
	lines, err := h.do(ctx, at.Request{Line: name + "=" + text, Limit: limit})
	for _, line := range lines {
		h.unsolicited(line) // of the command's own name, but no answer to a command that sets
	}
	return err
}

// do asks, after a modem that has started again was set up, and makes an error of
// package modem of a no that has one.
func (h *Host) do(ctx context.Context, r at.Request) ([]string, error) {
	if h.restarted.Load() {
		h.log.Warn("modem has started again: it is set up anew")
		if err := h.setUp(ctx); err != nil {
			return nil, err
		}
	}
	commands, err := at.ParseCommands(r.Line)
	if err != nil || len(commands) == 0 {
		return nil, fmt.Errorf("a command line that is none: %w", err)
	}
	name := commands[0].Name
	if h.unknown[name] {
		return nil, fmt.Errorf("AT%s: %w", name, modem.ErrUnsupported)
	}
	lines, err := h.conn.Do(ctx, r)
	if !h.echoes && h.conn.Echoes() {
		// Nothing has told it to repeat lines: it has started again, and does not say so.
		h.restarted.Store(true)
		h.bell.Ring(everything)
	}
	var (
		code    at.CME
		failure at.Failure
	)
	switch {
	case errors.As(err, &failure) && failure == "COMMAND NOT SUPPORT", errors.As(err, &code) && code == at.ErrNotSupported:
		// Of a command that sets it may be the value alone.
		h.unknown[name] = commands[0].Form != at.Set
		return nil, fmt.Errorf("%w: %w", err, modem.ErrUnsupported)
	case errors.As(err, &code) && code >= at.ErrSIMNotInserted && code <= at.ErrSIMWrong:
		return nil, fmt.Errorf("%w: %w", err, modem.ErrNoSIM)
	}
	return lines, err
}

// read asks, and returns the parameters of the lines of the answer that have the
// given name.
func (h *Host) read(ctx context.Context, line, name string) ([]at.Params, error) {
	lines, err := h.do(ctx, at.Request{Line: line, Names: []string{name}})
	if err != nil {
		return nil, err
	}
	return paramsOf(lines, name)
}

// paramsOf returns the parameters of the lines that have the given name.
func paramsOf(lines []string, name string) ([]at.Params, error) {
	var all []at.Params
	for _, line := range lines {
		if n, rest := at.Split(line); strings.EqualFold(n, name) {
			p, err := at.ParseParams(rest)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errNothing, err)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// readOne is read for an answer of one line.
func (h *Host) readOne(ctx context.Context, line, name string) (at.Params, error) {
	all, err := h.read(ctx, line, name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("AT%s: %w", line, errNothing)
	}
	return all[0], nil
}

// errNothing is of an answer without what was asked for.
var errNothing = errors.New("the modem's answer is not what was asked for")

// plain asks for a text that fits, which modems give with and without a name before
// it and quotation marks around it.
func (h *Host) plain(ctx context.Context, line string, fits func(string) bool, names ...string) (string, error) {
	lines, err := h.do(ctx, at.Request{Line: line, Names: names})
	if err != nil {
		return "", err
	}
	for _, line := range lines {
		_, text := at.Split(line)
		if text = strings.Trim(text, `" `); fits(text) {
			return text, nil
		}
	}
	return "", fmt.Errorf("AT%s: %w", line, errNothing)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
