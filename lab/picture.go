package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Measures of the picture, in pixels. The labels stand right of the bars, so
// that the last and longest has room.
const (
	pictureWidth  = 760
	pictureBars   = 380
	pictureLeft   = 64
	pictureRow    = 26
	pictureTop    = 40
	pictureBar    = 14
	pictureLabel  = 10
	pictureFooter = 16
)

// colours of the bars, in the order of the steps; they read on light and on
// dark paper.
var colours = []string{"#8c96a3", "#5b8def", "#2aa198", "#b58900", "#cb6f16", "#3a9d4a"}

// draw writes the timeline as an SVG picture with a title.
func (t Timeline) draw(w io.Writer, title string) error {
	steps := t.sorted()
	if len(steps) == 0 {
		return fmt.Errorf("draw the timeline: nothing has happened")
	}
	total := steps[len(steps)-1].After.Seconds()
	x := func(seconds float64) float64 { return pictureLeft + pictureBars*seconds/total }

	var b strings.Builder
	height := pictureTop + pictureRow*len(steps) + pictureFooter
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", pictureWidth, height, pictureWidth, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="#ffffff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="16" y="24" font-weight="bold" fill="#24292f">%s</text>`+"\n", escaped(title))
	from := 0.0
	for i, step := range steps {
		to, y := step.After.Seconds(), pictureTop+pictureRow*i
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#57606a">%.1f s</text>`, pictureLeft-pictureLabel, y+pictureBar-2, to)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`, x(from), y, max(x(to)-x(from), 2), pictureBar, colours[i%len(colours)])
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#24292f">%s</text>`+"\n", max(x(to), x(from)+2)+pictureLabel, y+pictureBar-2, escaped(meanings[step.Name]))
		from = to
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func escaped(text string) string {
	var b strings.Builder
	// A strings.Builder takes everything.
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
