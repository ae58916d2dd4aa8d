package firewall

import (
	"fmt"
	"slices"
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
	for _, h := range r.helpers {
		fmt.Fprintf(&b, "\n\tct helper %s {\n\t\ttype %q protocol %s\n\t}\n", h.object(), h.name, h.proto)
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
	kind, value := "set", ""
	if s.verdicts {
		kind, value = "map", " : verdict"
	}
	keys := make([]string, len(s.keys))
	for i, k := range s.keys {
		keys[i] = k.name
	}
	fmt.Fprintf(b, "\t%s %s {\n\t\ttype %s%s\n", kind, s.name, strings.Join(keys, " . "), value)
	if size := s.size(); size > 0 {
		fmt.Fprintf(b, "\t\tsize %d\n", size)
	}
	if flags := s.flags(); len(flags) > 0 {
		fmt.Fprintf(b, "\t\tflags %s\n", strings.Join(flags, ","))
	}
	if s.timeout > 0 {
		fmt.Fprintf(b, "\t\ttimeout %ds\n", int(s.timeout.Seconds()))
	}
	if len(s.elements) > 0 {
		b.WriteString("\t\telements = {\n")
		for _, e := range s.elements {
			fmt.Fprintf(b, "\t\t\t%s,\n", e)
		}
		b.WriteString("\t\t}\n")
	}
	b.WriteString("\t}\n")
}

// flags are the words for what is special about the set.
func (s *set) flags() []string {
	return slices.DeleteFunc([]string{
		only(s.interval, "interval"), only(s.filled == byPackets, "dynamic"), only(s.filled == byOthers || s.timeout > 0, "timeout"),
	}, func(word string) bool { return word == "" })
}

func only(condition bool, word string) string {
	if condition {
		return word
	}
	return ""
}

// String prints the element as nft does.
func (e element) String() string {
	if e.verdict != nil {
		return e.text + " : " + e.verdict.nft()
	}
	return e.text
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
