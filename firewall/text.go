package firewall

import (
	"fmt"
	"strings"
)

// String prints the table as nft text, which nft -f accepts. Equal rulesets
// print equal.
func (r *Ruleset) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", tableName)
	for _, c := range r.counters {
		fmt.Fprintf(&b, "\tcounter %s { packets 0 bytes 0\n\t}\n", c.name)
	}
	for _, s := range r.sets {
		b.WriteString("\n")
		s.print(&b)
	}
	for _, c := range r.chains {
		b.WriteString("\n")
		c.print(&b)
	}
	b.WriteString("}\n")
	return b.String()
}

func (s *set) print(b *strings.Builder) {
	kind, keys, value := "set", "ifname", ""
	if s.pair {
		keys = "ifname . ifname"
	}
	if s.verdicts {
		kind, value = "map", " : verdict"
	}
	fmt.Fprintf(b, "\t%s %s {\n\t\ttype %s%s\n", kind, s.name, keys, value)
	if len(s.elements) > 0 {
		b.WriteString("\t\telements = {\n")
		for _, e := range s.elements {
			fmt.Fprintf(b, "\t\t\t%s,\n", e)
		}
		b.WriteString("\t\t}\n")
	}
	b.WriteString("\t}\n")
}

// String prints the element as nft does.
func (e element) String() string {
	quoted := make([]string, len(e.names))
	for i, name := range e.names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	text := strings.Join(quoted, " . ")
	if e.verdict != nil {
		text += " : " + e.verdict.nft()
	}
	return text
}

func (c *chain) print(b *strings.Builder) {
	fmt.Fprintf(b, "\tchain %s {\n", c.name)
	if h := c.hook; h != (hook{}) {
		policy := "accept"
		if h.drop {
			policy = "drop"
		}
		fmt.Fprintf(b, "\t\ttype %s hook %s priority %s; policy %s;\n", h.kind, h.point, h.priority, policy)
	}
	for _, r := range c.rules {
		fmt.Fprintf(b, "\t\t%s\n", r)
	}
	b.WriteString("\t}\n")
}

// String prints the rule on one line.
func (r rule) String() string {
	words := make([]string, len(r))
	for i, s := range r {
		words[i] = s.nft()
	}
	return strings.Join(words, " ")
}
