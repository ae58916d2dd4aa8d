package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/farspoke/farspoke/internal/debian"
)

// bom is a bill of materials in CycloneDX 1.5, as far as we write it.
//
// Source: https://cyclonedx.org/docs/1.5/json/
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   bomMetadata `json:"metadata"`
	Components []component `json:"components"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string    `json:"type"`
	Ref     string    `json:"bom-ref"`
	Name    string    `json:"name"`
	Version string    `json:"version,omitempty"`
	PURL    string    `json:"purl,omitempty"`
	Hashes  []bomHash `json:"hashes,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// materials lists what the firmware of a manifest is made of.
func materials(m *manifest) bom {
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: bomMetadata{
		Timestamp: m.Date.Format(dateLayout),
		Component: component{Type: "firmware", Ref: "farspoke", Name: "farspoke-" + m.Board, Version: m.Version},
	}}
	add := func(kind, name, version, purl string, hashes ...bomHash) {
		b.Components = append(b.Components, component{kind, purl, name, version, purl, hashes})
	}
	debianPackage := func(name, version, arch string) string {
		return fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", name, url.QueryEscape(version), arch)
	}
	add("operating-system", m.Kernel.Package, m.Kernel.Version,
		debianPackage(m.Kernel.Package, m.Kernel.Version, "arm64"), bomHash{"SHA-256", m.Kernel.SHA256})
	for _, s := range []*debian.Source{m.BootLoader, m.TrustedFirmware} {
		if s == nil {
			continue
		}
		var hashes []bomHash
		for _, f := range s.Files {
			if strings.HasSuffix(f.Name, ".dsc") { // it has the others' within
				hashes = append(hashes, bomHash{"SHA-256", f.SHA256})
			}
		}
		add("firmware", s.Name, s.Version, debianPackage(s.Name, s.Version, "source"), hashes...)
	}
	for _, p := range m.LoaderInputs {
		add("firmware", p.Name, p.Version, debianPackage(p.Name, p.Version, "arm64"), bomHash{"SHA-256", p.SHA256})
	}
	for _, t := range m.DeviceTrees {
		b.Components = append(b.Components, component{
			Type: "file", Ref: "device-tree:" + t.Name, Name: t.Name, Hashes: []bomHash{{"SHA-256", t.SHA256}},
		})
	}
	version := strings.TrimPrefix(m.Go, "go")
	add("library", "stdlib", version, "pkg:golang/stdlib@"+version)
	for _, d := range m.Modules {
		add("library", d.Path, d.Version, "pkg:golang/"+d.Path+"@"+d.Version)
	}
	return b
}

func writeSBOM(file string, m *manifest) error {
	text, err := json.MarshalIndent(materials(m), "", "  ")
	if err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return nil
}
