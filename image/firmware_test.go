//go:build image

package main

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/debian"
)

// TestOneImageForAllBoards builds what is signed for two boards that have nothing in
// common.
func TestOneImageForAllBoards(t *testing.T) {
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	virt, m := signedFor(t, cache, "virt")
	other, _ := signedFor(t, cache, "ten64")
	if !bytes.Equal(virt, other) {
		t.Errorf("the images for two boards differ (%d and %d octets)", len(virt), len(other))
	}
	if len(m.DeviceTrees) != len(board.All()) {
		t.Errorf("the manifest has the device trees %+v", m.DeviceTrees)
	}
	for _, tree := range m.DeviceTrees {
		listed := slices.ContainsFunc(materials(m).Components, func(c component) bool {
			return c.Name == tree.Name && slices.Equal(c.Hashes, []bomHash{{"SHA-256", tree.SHA256}})
		})
		if tree.SHA256 == "" || !listed {
			t.Errorf("the bill of materials lacks %+v", tree)
		}
	}
}

// signedFor builds the signed image for a board, boot loader and disk apart.
func signedFor(t *testing.T, cache debian.Cache, name string) ([]byte, *manifest) {
	t.Helper()
	b, boardErr := board.Find(name)
	kernel, kernelErr := cache.Kernel(t.Context())
	source, sourceErr := sourceVersion(t.Context())
	signer, signerErr := keys{}.signer(t.Context(), cache)
	if err := errors.Join(boardErr, kernelErr, sourceErr, signerErr); err != nil {
		t.Fatal(err)
	}
	m := &manifest{Board: name}
	o := options{board: b, disk: true, cache: cache, out: t.TempDir()}
	if _, err := buildPlain(t.Context(), o, kernel, source, m); err != nil {
		t.Fatal(err)
	}
	trees, err := deviceTrees(t.Context(), kernel)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signedImage(o.out, source, trees, signer, m)
	if err != nil {
		t.Fatal(err)
	}
	return signed, m
}
