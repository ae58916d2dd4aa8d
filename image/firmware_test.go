//go:build image

package main

import (
	"bytes"
	"context"
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
	b, err := board.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &manifest{Board: name}
	signed, err := func(ctx context.Context) ([]byte, error) {
		kernel, err := cache.Kernel(ctx)
		if err != nil {
			return nil, err
		}
		source, err := sourceVersion(ctx)
		if err != nil {
			return nil, err
		}
		signer, err := keys{}.signer(ctx, cache)
		if err != nil {
			return nil, err
		}
		o := options{board: b, disk: true, cache: cache, out: t.TempDir()}
		if _, err := buildPlain(ctx, o, kernel, source, m); err != nil {
			return nil, err
		}
		trees, err := deviceTrees(ctx, kernel)
		if err != nil {
			return nil, err
		}
		return signedImage(o.out, source, trees, signer, m)
	}(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return signed, m
}
