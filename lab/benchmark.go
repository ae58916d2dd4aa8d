package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// results are what benchmarks report: by the benchmark's name, without the word
// Benchmark before it and the number of processors behind it, and by unit.
type results map[string]map[string]float64

// processors is how many a benchmark had, which go test says if it is not one.
var processors = regexp.MustCompile(`-[0-9]+$`)

// parseBenchmarks reads the lines of go test -bench. What is printed between them
// is left out.
func parseBenchmarks(out string) results {
	all := make(results)
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		name, ok := strings.CutPrefix(words[0], "Benchmark")
		if _, err := strconv.Atoi(words[1]); !ok || err != nil {
			continue
		}
		// A number and its unit by turns.
		name = processors.ReplaceAllString(name, "")
		all[name] = make(map[string]float64)
		for i := 2; i+1 < len(words); i += 2 {
			if value, err := strconv.ParseFloat(words[i], 64); err == nil {
				all[name][words[i+1]] = value
			}
		}
	}
	return all
}

// values returns what a benchmark reports under the units, in their order.
func (r results) values(benchmark string, units ...string) ([]float64, error) {
	found := make([]float64, len(units))
	for i, unit := range units {
		value, ok := r[benchmark][unit]
		if !ok {
			return nil, fmt.Errorf("the benchmark %s reports no %s, but %v", benchmark, unit, r[benchmark])
		}
		found[i] = value
	}
	return found, nil
}
