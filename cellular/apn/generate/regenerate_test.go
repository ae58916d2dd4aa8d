//go:build image

package main

import (
	"bytes"
	"os"
	"testing"
)

// TestTableIsDebians fetches the package and compiles it again.
func TestTableIsDebians(t *testing.T) {
	want, err := fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../providers.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("providers.txt differs from what Debian's package compiles to: run go generate ./cellular/apn")
	}
}
