package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// editor reads lines from a terminal, with editing, history, completion by tab
// and help at a question mark.
type editor struct {
	tty    *os.File
	screen *term.Terminal
}

func newEditor(tty *os.File) *editor {
	return &editor{tty: tty, screen: newScreen(tty)}
}

// newScreen returns a terminal with our keys.
func newScreen(line io.ReadWriter) *term.Terminal {
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{interrupts{line}, line}, "")
	screen.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		return pressed(screen, line, pos, key)
	}
	return screen
}

// read is raw only while a line is typed, so that commands print and can be
// interrupted as usual.
func (e *editor) read(prompt string) (line string, err error) {
	fd := int(e.tty.Fd())
	// A serial line knows no size and keeps the 80 by 24 of package term.
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		if err := e.screen.SetSize(width, height); err != nil {
			return "", err
		}
	}
	cooked, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(fd, cooked)) }()
	e.screen.SetPrompt(prompt)
	line, err = e.screen.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	return line, err
}

// pressed is called for each key. Only the part of the line before the cursor
// matters.
func pressed(screen io.Writer, line string, pos int, key rune) (newLine string, newPos int, handled bool) {
	switch key {
	case '?':
		fmt.Fprintf(screen, "%s?\n%s", line[:pos], question(line[:pos]))
		return line, pos, true
	case '\t':
		completed := completion(line[:pos])
		return completed + line[pos:], len(completed), true
	}
	return line, pos, false
}

// interrupts turns Ctrl-C into Ctrl-U: it discards the line, not the console.
type interrupts struct{ io.Reader }

func (r interrupts) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	for i := range p[:n] {
		if p[i] == 0x03 {
			p[i] = 0x15
		}
	}
	return n, err
}

// completion extends the last word of line as far as it is unambiguous.
func completion(line string) string {
	typed := strings.Fields(line)
	if len(typed) == 0 || strings.HasSuffix(line, " ") {
		return line
	}
	last := len(typed) - 1
	candidates := offered(true)
	for i, word := range typed {
		if i == last {
			if next := following(candidates, i, word); len(next) == 1 {
				return line[:len(line)-len(word)] + next[0] + " "
			}
			return line
		}
		next := abbreviated(candidates, i, word)
		if len(next) != 1 {
			return line
		}
		kept := candidates[:0]
		for _, c := range candidates {
			if len(c.words) > i && c.words[i] == next[0] {
				kept = append(kept, c)
			}
		}
		candidates = kept
	}
	return line
}
