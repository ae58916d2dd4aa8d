package main

import (
	"slices"
	"strings"
	"testing"
)

func TestReadRecipe(t *testing.T) {
	got, err := readRecipe(strings.NewReader("# both\npackage a b # and\n\nfile /x\npackage c\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(got.packages, want) {
		t.Errorf("packages = %v, want %v", got.packages, want)
	}
	if want := []string{"/x"}; !slices.Equal(got.files, want) {
		t.Errorf("files = %v, want %v", got.files, want)
	}
}

func TestReadRecipeReportsTheLine(t *testing.T) {
	if _, err := readRecipe(strings.NewReader("package a\npackages b\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error = %v, want one of line 2", err)
	}
}
