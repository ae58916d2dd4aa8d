package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The elements of the database that matter here; its DTD is beside it in the
// package.
type (
	country struct {
		Providers []provider `xml:"provider"`
	}
	provider struct {
		Primary string   `xml:"primary,attr"`
		Names   []string `xml:"name"`
		GSM     *gsm     `xml:"gsm"`
	}
	gsm struct {
		Networks []network `xml:"network-id"`
		APNs     []apn     `xml:"apn"`
	}
	network struct {
		MCC string `xml:"mcc,attr"`
		MNC string `xml:"mnc,attr"`
	}
	apn struct {
		Value string `xml:"value,attr"`
		Plans []struct {
			Type string `xml:"type,attr"`
		} `xml:"plan"`
		Usage struct {
			Type string `xml:"type,attr"`
		} `xml:"usage"`
		Name           string `xml:"name"`
		User           string `xml:"username"`
		Password       string `xml:"password"`
		Authentication struct {
			Method string `xml:"method,attr"`
		} `xml:"authentication"`
	}
)

// compile turns the database into the table whose form package apn describes.
// Operators come before the virtual ones in their networks, and what is for
// contracts before what is for prepaid cards.
func compile(source string, database []byte) ([]byte, error) {
	var root struct {
		Countries []country `xml:"country"`
	}
	if err := xml.Unmarshal(database, &root); err != nil {
		return nil, fmt.Errorf("read the database: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Made by go generate from Debian's %s, which is in the public domain.\n", source)
	for _, c := range root.Countries {
		slices.SortStableFunc(c.Providers, func(a, b provider) int { return cmp.Compare(a.rank(), b.rank()) })
		for _, p := range c.Providers {
			if err := p.write(&out, c.codes()); err != nil {
				return nil, fmt.Errorf("provider %s: %w", strings.Join(p.Names, ", "), err)
			}
		}
	}
	return out.Bytes(), nil
}

// codes are the MCCs of the country's operators.
func (c country) codes() []string {
	var codes []string
	for _, p := range c.Providers {
		for _, n := range p.networks() {
			codes = append(codes, n[:min(3, len(n))])
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// rank orders the providers of a country.
func (p provider) rank() int {
	return map[string]int{"true": 0, "": 1, "false": 2}[p.Primary]
}

func (p provider) networks() []string {
	if p.GSM == nil {
		return nil
	}
	var numbers []string
	for _, n := range p.GSM.Networks {
		numbers = append(numbers, n.MCC+n.MNC)
	}
	return numbers
}

var (
	number = regexp.MustCompile(`^[0-9]{5,6}$`)
	field  = regexp.MustCompile(`^[^\t\r\n]*$`)
)

// write writes a provider that offers internet access by GSM and its successors.
// One without networks of its own is written with the country's MCCs.
func (p provider) write(out *bytes.Buffer, countryCodes []string) error {
	points := p.points()
	if len(points) == 0 {
		return nil
	}
	numbers := p.networks()
	for _, n := range numbers {
		if !number.MatchString(n) {
			return fmt.Errorf("%q is no network's number", n)
		}
	}
	if len(numbers) == 0 {
		numbers = countryCodes
	}
	lines := [][]string{append([]string{strings.Join(numbers, " ")}, p.Names...)}
	for _, a := range points {
		lines = append(lines, []string{"", a.Value, a.User, a.Password, a.Authentication.Method, a.Name})
	}
	for _, line := range lines {
		for _, text := range line {
			if !field.MatchString(text) {
				return fmt.Errorf("%q does not fit into a line", text)
			}
		}
		out.WriteString(strings.TrimRight(strings.Join(line, "\t"), "\t") + "\n")
	}
	return nil
}

// points are the APNs for internet access, each once.
func (p provider) points() []apn {
	if p.GSM == nil {
		return nil
	}
	var points []apn
	for _, a := range p.GSM.APNs {
		a.Value, a.Name = strings.TrimSpace(a.Value), strings.TrimSpace(a.Name)
		same := func(b apn) bool { return a.Value == b.Value && a.User == b.User && a.Password == b.Password }
		if a.internet() && !slices.ContainsFunc(points, same) {
			points = append(points, a)
		}
	}
	slices.SortStableFunc(points, func(a, b apn) int { return cmp.Compare(a.rank(), b.rank()) })
	return points
}

// internet reports whether the APN leads to the internet. Where the database does
// not say what an APN is for, it is that.
func (a apn) internet() bool {
	return a.Value != "" && (a.Usage.Type == "" || slices.Contains(strings.Split(a.Usage.Type, "-"), "internet"))
}

// rank orders a provider's APNs.
func (a apn) rank() int {
	if len(a.Plans) == 1 && a.Plans[0].Type == "prepaid" {
		return 1
	}
	return 0
}
