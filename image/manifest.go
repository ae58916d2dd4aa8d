package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/farspoke/farspoke/internal/debian"
)

// manifest says what an image is made of.
type manifest struct {
	Board   string        `json:"board"`
	Version string        `json:"version"`
	Date    time.Time     `json:"date"`
	Kernel  debian.Kernel `json:"kernel"`
	// Go is the version of its compiler and library.
	Go string `json:"go"`
	// Key is the name of the key that the image is signed with, BootLoader what its
	// boot loader was built from, and Compiler what with; all are empty for an image
	// without a disk.
	Key        string         `json:"key,omitempty"`
	BootLoader *debian.Source `json:"boot-loader,omitempty"`
	Compiler   string         `json:"compiler,omitempty"`
	// TrustedFirmware is what TF-A was built from, where it is a part of the boot loader,
	// and Stock what the board's flash held that the boot loader was put into.
	TrustedFirmware *debian.Source `json:"trusted-firmware,omitempty"`
	Stock           *part          `json:"stock,omitempty"`
	// LoaderInputs are packages whose contents are packed with the boot loader.
	LoaderInputs []debian.Package `json:"loader-inputs,omitempty"`
	// DeviceTrees are what describes the boards in the signed image: files of the
	// kernel's package, and what QEMU says of itself.
	DeviceTrees []part `json:"device-trees,omitempty"`
	// Modules are the Go modules within our binary, the toolbox's not among them.
	Modules []module `json:"modules"`
	// Parts are the sizes before compression, Files what was written.
	Parts []part `json:"parts"`
	Files []part `json:"files"`
}

// part is one piece of the image. Size is in octets.
type part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

// module is a Go module, with its checksum as go.sum has it.
type module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"`
}

func (m *manifest) part(name string, size int64) {
	m.Parts = append(m.Parts, part{Name: name, Size: size})
}

// file records a file that was written.
func (m *manifest) file(dir, name string) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	m.Files = append(m.Files, partOf(name, data))
	return nil
}

// partOf describes a piece by its octets.
func partOf(name string, data []byte) part {
	return part{Name: name, Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
}

func (m *manifest) write(file string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// print writes the sizes for people.
func (m *manifest) print(w io.Writer) {
	const mib = 1 << 20
	fmt.Fprintf(w, "%s for %s, kernel %s\n", m.Version, m.Board, m.Kernel.Version)
	if m.Key == developmentKey {
		fmt.Fprintln(w, "SIGNED WITH THIS MACHINE'S DEVELOPMENT KEY: not for anybody else's box")
	}
	fmt.Fprintln(w, "before compression")
	for _, p := range m.Parts {
		fmt.Fprintf(w, "  %-20s %6.2f MiB\n", p.Name, float64(p.Size)/mib)
	}
	fmt.Fprintln(w, "written")
	for _, p := range m.Files {
		fmt.Fprintf(w, "  %-20s %6.2f MiB\n", p.Name, float64(p.Size)/mib)
	}
	if m.Key == "" {
		fmt.Fprintf(w, "  %-20s %6.2f MiB\n", "together", float64(m.size())/mib)
	}
}

// size is the sum of the files' lengths in octets.
func (m *manifest) size() int64 {
	var sum int64
	for _, p := range m.Files {
		sum += p.Size
	}
	return sum
}
