package metrics

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of metrics.
const (
	gauge   = "gauge"
	counter = "counter"
)

// page is a text in Prometheus's exposition format, as far as it is written.
type page struct {
	text bytes.Buffer
	name string // of the family
}

// family begins the metrics of a name. Its samples follow.
func (p *page) family(name, kind, help string) {
	p.name = name
	fmt.Fprintf(&p.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// escape makes a text fit between the quotes of a label's value.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes a value with names and values of its labels by turns.
func (p *page) sample(value float64, labels ...string) {
	p.text.WriteString(p.name)
	for i := 0; i < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		fmt.Fprintf(&p.text, `%s%s="%s"`, before, labels[i], escape.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		p.text.WriteByte('}')
	}
	p.text.WriteByte(' ')
	p.text.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
	p.text.WriteByte('\n')
}
