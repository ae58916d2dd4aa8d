package modem

import (
	"fmt"
	"slices"
	"strings"
)

// word returns the word for v, and its number where there is none.
func word[T ~uint8](v T, words ...string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("%d", uint8(v))
}

// unword is the reverse of word.
func unword[T ~uint8](v *T, text []byte, words ...string) error {
	i := slices.Index(words, string(text))
	if i < 0 {
		return fmt.Errorf("%q is none of %s", text, strings.Join(words, ", "))
	}
	*v = T(i)
	return nil
}
