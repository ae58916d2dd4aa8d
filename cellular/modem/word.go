package modem

import "fmt"

// word returns the word for v, and its number where there is none.
func word[T ~uint8](v T, words ...string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("%d", uint8(v))
}
