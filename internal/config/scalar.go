package config

import (
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/farspoke/farspoke/internal/invalid"
)

// scalar decodes a text, a number or a truth value.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "is "+kindName(n)+" where a single value belongs", "write one value after the colon")
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.Tag != "!!str" {
			d.fail(n, path, "is "+kindName(n)+" where a text belongs", fmt.Sprintf("put quotes around it: %q", n.Value))
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			d.fail(n, path, fmt.Sprintf("%q is neither true nor false", n.Value), "write "+truth(n.Value))
			v.SetBool(truth(n.Value) == "true") // as was meant, so that nothing follows from it
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.integer(n, v, path, -1<<(v.Type().Bits()-1), 1<<(v.Type().Bits()-1)-1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.integer(n, v, path, 0, 1<<v.Type().Bits()-1)
	default:
		panic("config: no text form for type " + v.Type().String())
	}
}

func truth(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on", "y", "enable", "enabled":
		return "true"
	case "no", "off", "n", "disable", "disabled":
		return "false"
	}
	return "true or false"
}

// decimal is the one way to write a number. YAML's others (010 is eight, 1_0
// ten, 1:30 ninety) are traps in a file of addresses and ports.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (d *decoder) integer(n *yaml.Node, v reflect.Value, path []string, least int64, most uint64) {
	if !decimal.MatchString(n.Value) || n.Style != 0 {
		fix := "write a plain decimal number"
		if number, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			fix = fmt.Sprintf("write it as a plain decimal number: %d", number)
		}
		d.fail(n, path, fmt.Sprintf("%q is not a plain number", n.Value), fix)
		return
	}
	var err error
	if v.CanInt() {
		var number int64
		number, err = strconv.ParseInt(n.Value, 10, v.Type().Bits())
		v.SetInt(number)
	} else {
		var number uint64
		number, err = strconv.ParseUint(n.Value, 10, v.Type().Bits())
		v.SetUint(number)
	}
	if err != nil {
		fix := "write a smaller number"
		if v.Type().Bits() < 64 {
			fix = fmt.Sprintf("write a number from %d to %d", least, most)
		}
		d.fail(n, path, n.Value+" is out of range", fix)
	}
}

// text decodes what has a notation of its own.
func (d *decoder) text(n *yaml.Node, v reflect.Value, path []string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "is "+kindName(n)+" where a single value belongs", "write one value after the colon")
		return
	}
	var problem, fix string
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		*target, problem, fix = duration(n.Value)
	case *netip.Addr:
		*target, problem, fix = address(n.Value)
	case *netip.Prefix:
		*target, problem, fix = prefix(n.Value)
	case encoding.TextUnmarshaler:
		err := target.UnmarshalText([]byte(n.Value))
		if e, ok := errors.AsType[*invalid.Error](err); ok {
			problem, fix = e.Problem, e.Fix
		} else if err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		d.fail(n, path, problem, fix)
	}
}

func duration(text string) (value time.Duration, problem, fix string) {
	value, err := time.ParseDuration(text)
	switch {
	case err == nil && value < 0:
		return 0, text + " is negative", "write a duration such as 300s"
	case err == nil && (value != 0 || text != "0"):
		return value, "", ""
	case decimal.MatchString(text):
		return 0, text + " has no unit", fmt.Sprintf("write %ss if seconds are meant", text)
	}
	return 0, fmt.Sprintf("%q is not a duration", text), "write numbers with units, such as 90s, 5m or 1h30m"
}

func address(text string) (value netip.Addr, problem, fix string) {
	value, err := netip.ParseAddr(text)
	if err == nil && value.Zone() == "" && !value.Is4In6() {
		return value, "", ""
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return netip.Addr{}, text + " has a prefix length where a single address belongs", "write " + p.Addr().String()
	}
	return netip.Addr{}, fmt.Sprintf("%q is not an IP address", text), "write an address such as 192.0.2.1"
}

func prefix(text string) (value netip.Prefix, problem, fix string) {
	value, err := netip.ParsePrefix(text)
	if err == nil && !value.Addr().Is4In6() {
		return value, "", ""
	}
	problem = fmt.Sprintf("%q is not an address with prefix length", text)
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.Prefix{}, text + " has no prefix length", fmt.Sprintf("write %s/24, with the length of the subnet", a)
	}
	if p, ok := maskedPrefix(text); ok {
		return netip.Prefix{}, problem, "write " + p.String()
	}
	return netip.Prefix{}, problem, "write an address such as 192.0.2.1/24"
}

// maskedPrefix understands "192.0.2.1 255.255.255.0" and "192.0.2.1/255.255.255.0".
func maskedPrefix(text string) (netip.Prefix, bool) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '/' })
	if len(parts) != 2 {
		return netip.Prefix{}, false
	}
	a, err1 := netip.ParseAddr(parts[0])
	m, err2 := netip.ParseAddr(parts[1])
	if err1 != nil || err2 != nil || !a.Is4() || !m.Is4() {
		return netip.Prefix{}, false
	}
	mask := m.As4()
	ones, bits := net.IPMask(mask[:]).Size()
	return netip.PrefixFrom(a, ones), bits == 32
}
