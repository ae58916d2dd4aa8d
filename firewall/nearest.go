package firewall

// nearest returns the word of known that takes the fewest insertions,
// deletions and replacements to become the given word, if they are few.
func nearest(word string, known []string) (string, bool) {
	best, least := "", min(3, (len(word)+2)/2)
	if len(word) > 2*maxZoneName {
		return "", false
	}
	for _, k := range known {
		if d := distance(word, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best, best != ""
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, replaced)
		}
	}
	return row[len(b)]
}
