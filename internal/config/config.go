// Package config reads the one file that describes a box, and the file with
// its secrets beside it.
//
// Reading is strict and whole: an unknown key, a value of the wrong kind, a
// reference to nothing or two addresses in one place are errors, all of them
// are reported at once with line, column and remedy, and nothing is applied
// while there is one. The words of the file are the json tags of each
// component's own Config; this package composes them, checks what concerns
// more than one component, and derives the JSON Schema from the same tags.
//
// The file is YAML 1.2 less its traps: no anchors, aliases, tags or merge keys,
// one document, numbers in plain decimal, truth as true and false. A text that
// looks like something else is put in quotes. So the file means to its reader
// what it means to the box.
package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/internal/metrics"
	"github.com/farspoke/farspoke/internal/wan"
)

// File is the configuration of a box.
type File struct {
	Hostname   string                `json:"hostname" jsonschema:"the name of the box"`
	VRFs       map[string]VRF        `json:"vrfs,omitempty" jsonschema:"the VRFs by name; what names none is in the main table"`
	Interfaces map[string]wan.Config `json:"interfaces,omitempty" jsonschema:"the Ethernet ports and modems in use, by a name of your choice"`

	Modems map[string]cellular.Config `json:"modems,omitempty" jsonschema:"what modems may do and how they get a connection, by the name on the case; one that is not named here finds everything by itself"`

	Tunnels  map[string]dmvpn.Config `json:"tunnels,omitempty" jsonschema:"the DMVPN clouds that the box joins, by a name of your choice"`
	IPsec    ikev2.Config            `json:"ipsec,omitempty" jsonschema:"the IPsec profiles that protect tunnels, by a name of your choice"`
	Firewall firewall.Config         `json:"firewall,omitzero" jsonschema:"what may pass between the zones; what is not named is dropped"`

	Metrics *metrics.Config `json:"metrics,omitempty" jsonschema:"where a Prometheus server finds the metrics of the box; nowhere if absent"`

	// secrets lists the names that the file refers to.
	secrets []string
	// warnings are about what is allowed and hardly meant.
	warnings []*Error
}

// VRF is one routing instance. It has no settings of its own: being named
// makes it exist, so that a misspelt reference is an error and not a new VRF.
type VRF struct{}

// Secrets returns the names of the secrets that the file refers to, sorted.
func (f *File) Secrets() []string { return slices.Clone(f.secrets) }

// Warnings returns what is allowed in the file and hardly meant, such as a
// policy whose answers do not come back.
func (f *File) Warnings() []*Error { return slices.Clone(f.warnings) }

// SameButFirewall reports whether two files differ in nothing but the firewall:
// its section, and the zones that interfaces and tunnels are in.
func (f *File) SameButFirewall(other *File) bool {
	return reflect.DeepEqual(f.withoutFirewall(), other.withoutFirewall())
}

func (f *File) withoutFirewall() File {
	rest := *f
	rest.Firewall, rest.secrets, rest.warnings = firewall.Config{}, nil, nil
	rest.Interfaces, rest.Tunnels = maps.Clone(f.Interfaces), maps.Clone(f.Tunnels)
	for name, c := range rest.Interfaces {
		c.Zone = ""
		rest.Interfaces[name] = c
	}
	for name, c := range rest.Tunnels {
		c.Zone = ""
		rest.Tunnels[name] = c
	}
	return rest
}

// Parse reads a configuration. name stands for the file in messages. With nil
// secrets the references to secrets stay unresolved. The error is an *Errors.
func Parse(name string, data []byte, secrets Secrets) (*File, error) {
	var f File
	doc, err := read(name, data, secrets, &f)
	if err != nil {
		return nil, err
	}
	f.secrets = doc.secrets
	for _, w := range f.unwise() {
		f.warnings = append(f.warnings, locate(doc.src, doc.root, w))
	}
	return &f, nil
}

// Load reads the configuration at path with the secrets beside it, as the box
// does: a secret without a value is an error.
func Load(path string) (*File, error) {
	f, _, err := load(path, true)
	return f, err
}

// ParseBeside reads a configuration that is to take the place of the one at
// path, with the secrets beside that one.
func ParseBeside(path, name string, data []byte) (*File, error) {
	secrets, err := ReadSecrets(filepath.Join(filepath.Dir(path), SecretsFile))
	if err != nil && !absent(err) {
		return nil, err
	}
	return Parse(name, data, secrets)
}

// Check reads the configuration at path as Load does, except that the secrets
// file may be absent: then it returns the names of the secrets that the box
// will need.
func Check(path string) (f *File, needed []string, err error) {
	return load(path, false)
}

func load(path string, strict bool) (f *File, needed []string, err error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	beside := filepath.Join(filepath.Dir(path), SecretsFile)
	secrets, secretsErr := ReadSecrets(beside)
	// Both files are read whatever the other is like, so that one reading
	// tells everything.
	f, err = Parse(path, data, secrets)
	if !absent(secretsErr) {
		if err := merge(secretsErr, err); err != nil {
			return nil, nil, err
		}
		return f, nil, nil
	}
	switch {
	case err != nil:
		return nil, nil, err
	case strict && len(f.secrets) > 0:
		return nil, nil, whole(path, fmt.Sprintf("the secrets of this configuration are missing: there is no file %s", beside),
			fmt.Sprintf("create it, mode 0600, with a line `name: value` for each of %s", strings.Join(f.secrets, ", ")))
	}
	return f, f.secrets, nil
}

// readFile reads at most one octet more than parseYAML takes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return data, nil
}
