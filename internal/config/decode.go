package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/farspoke/farspoke/internal/nearest"
)

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typeAddr     = reflect.TypeFor[netip.Addr]()
	typePrefix   = reflect.TypeFor[netip.Prefix]()
	typeText     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decoder turns nodes into Go values and collects what is wrong with them. It
// goes on after an error, so that one reading finds all of them.
type decoder struct {
	src  *source
	errs []*Error
	// uncollected counts the errors beyond maxCollected.
	uncollected int
	// secrets holds the values by name, nil when the secrets file is not at
	// hand; used collects the names that the file refers to.
	secrets Secrets
	used    map[string]bool
}

// field is a struct field as the file sees it.
type field struct {
	name     string
	index    []int
	required bool
}

// fieldsOf returns the fields of a struct by the rules of encoding/json: the
// tag names the key, and a field without omitempty or omitzero is required.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" || name == "" {
			continue
		}
		all = append(all, field{
			name:     name,
			index:    f.Index,
			required: !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero"),
		})
	}
	return all
}

// fail records an error about node n, which is the value at path.
func (d *decoder) fail(n *yaml.Node, path []string, problem, fix string) *Error {
	line, column := d.src.place(n)
	e := &Error{
		File: d.src.name, Line: line, Column: column, Path: strings.Join(path, "."),
		Problem: problem, Fix: fix, width: width(n), quote: d.src, covers: [][]string{path},
	}
	if len(d.errs) == maxCollected {
		d.uncollected++
	} else {
		d.errs = append(d.errs, e)
	}
	return e
}

// width returns how many characters of n's line to underline.
func width(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode || n.Style&^(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 1
	}
	w := utf8.RuneCountInString(n.Value)
	if n.Style != 0 {
		w += 2
	}
	return w
}

// value decodes n into v. key is the node of the key above n, for errors about
// an absent value.
func (d *decoder) value(key, n *yaml.Node, v reflect.Value, path []string) {
	if v.Type() == typeSecret {
		d.secret(n, v, path)
		return
	}
	if problem, fix := unfit(n, v.Type()); problem != "" {
		at := n
		if n.Kind == yaml.ScalarNode && n.Value == "" {
			at = key
		}
		d.hideWithin(n, v.Type())
		e := d.fail(at, path, problem, fix)
		e.section = isSection(v.Type(), path)
		return
	}
	t := v.Type()
	switch {
	case t == typeDuration, t == typeAddr, t == typePrefix, reflect.PointerTo(t).Implements(typeText):
		d.text(n, v, path)
	default:
		switch t.Kind() {
		case reflect.Pointer:
			v.Set(reflect.New(t.Elem()))
			d.value(key, n, v.Elem(), path)
		case reflect.Struct:
			d.structure(key, n, v, path)
		case reflect.Map:
			d.mapping(n, v, path)
		case reflect.Slice:
			d.list(n, v, path)
		default:
			d.scalar(n, v, path)
		}
	}
}

// unfit says what no value may be, whatever belongs in its place.
func unfit(n *yaml.Node, t reflect.Type) (problem, fix string) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "anchors and aliases (& and *) are not used here", "write the value itself, in quotes if it begins with & or *"
	case n.Style&yaml.TaggedStyle != 0:
		return "tags (" + n.Tag + ") are not used here", "write the value alone, in quotes if it begins with !"
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return "has no value", absentFix(t)
	}
	return "", ""
}

// isSection reports whether what is at path is a part of the file that others
// refer into.
func isSection(t reflect.Type, path []string) bool { return t.Kind() == reflect.Map && len(path) == 1 }

func absentFix(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(typeText):
		return "write the keys below it, indented; write {} for none"
	case t.Kind() == reflect.Slice:
		return "write a list, such as [first, second]"
	}
	return "write the value after the colon, or remove the line"
}

func (d *decoder) structure(key, n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.MappingNode {
		d.hideWithin(n, v.Type())
		d.fail(n, path, "is "+kindName(n)+" where keys belong", "write "+strings.Join(names(fieldsOf(v.Type())), ", ")+" as keys below it")
		return
	}
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for k, value := range d.pairs(n, path) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == k.Value })
		if i < 0 {
			// What was probably meant is read as that, so that no other error
			// follows from the misspelt key.
			i = d.unknownKey(k, fields, path)
		}
		if i < 0 || seen[fields[i].name] {
			d.src.hide(value)
			continue
		}
		seen[fields[i].name] = true
		d.value(k, value, v.FieldByIndex(fields[i].index), child(path, k.Value))
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			d.missing(key, f, path)
		}
	}
}

// missing records that the mapping below key lacks the field f.
func (d *decoder) missing(key *yaml.Node, f field, path []string) {
	e := d.fail(key, path, fmt.Sprintf("the key %q is missing", f.name), "add `"+f.name+": …` below")
	e.covers = [][]string{child(path, f.name)}
}

// unknownKey records that k is none of fields and returns the index of the one
// that was probably meant, or -1.
func (d *decoder) unknownKey(k *yaml.Node, fields []field, path []string) (meant int) {
	known := names(fields)
	e := d.fail(k, path, fmt.Sprintf("there is no key %q here", k.Value), "")
	e.covers = [][]string{child(path, k.Value)}
	word := foreignWord(k.Value, path)
	near, found := nearest.To(k.Value, known)
	switch {
	case slices.Contains(known, word.means):
		near, e.Fix = word.means, "write "+word.means
	case word.say != "":
		near, e.Fix = "", word.say
	case found:
		e.Fix = fmt.Sprintf("write %q", near)
	case len(known) == 0:
		e.Fix = "no keys belong here; write {}"
	default:
		e.Fix = "the keys here are " + strings.Join(known, ", ")
	}
	if near != "" {
		e.covers = append(e.covers, child(path, near))
	}
	return slices.Index(known, near)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.MappingNode {
		d.hideWithin(n, v.Type())
		e := d.fail(n, path, "is "+kindName(n)+" where named entries belong", "write `name: …` lines below it")
		e.section = isSection(v.Type(), path)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for k, value := range d.pairs(n, path) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(k, value, element, child(path, k.Value))
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), element)
	}
}

// pairs yields the keys and values of a mapping, each key once.
func (d *decoder) pairs(n *yaml.Node, path []string) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			switch {
			case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 || k.Tag == "!!merge" || k.Value == "":
				d.src.hide(k)
				d.src.hide(n.Content[i+1])
				d.fail(k, path, "this is not a plain key", "write `key: value`")
				continue
			case first[k.Value] > 0:
				d.src.hide(n.Content[i+1])
				e := d.fail(k, path, fmt.Sprintf("the key %q was given in line %d already", k.Value, first[k.Value]),
					"merge the two or remove one")
				e.covers = nil
				continue
			}
			first[k.Value] = k.Line
			if !yield(k, n.Content[i+1]) {
				return
			}
		}
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.SequenceNode {
		d.hideWithin(n, v.Type())
		fix := "write `- ` before each entry"
		if n.Kind == yaml.ScalarNode {
			fix = "write [" + n.Value + "]"
		}
		d.fail(n, path, "is "+kindName(n)+" where a list belongs", fix)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, item, v.Index(i), child(path, strconv.Itoa(i)))
	}
}

// hideWithin keeps n, which is not decoded, out of quotations if what belongs
// in its place has a secret in it.
func (d *decoder) hideWithin(n *yaml.Node, t reflect.Type) {
	if holdsSecret(t) {
		d.src.hide(n)
	}
}

func holdsSecret(t reflect.Type) bool {
	switch {
	case t == typeSecret:
		return true
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return holdsSecret(t.Elem())
	case t.Kind() == reflect.Struct:
		return slices.ContainsFunc(fieldsOf(t), func(f field) bool { return holdsSecret(t.FieldByIndex(f.index).Type) })
	}
	return false
}

// child returns path with one more step, never sharing memory with it.
func child(path []string, step string) []string {
	return append(slices.Clip(slices.Clone(path)), step)
}

func names(fields []field) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return all
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a group of keys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!bool":
		return "true or false"
	}
	return "a text"
}
