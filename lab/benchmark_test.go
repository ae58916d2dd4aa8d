package main

import (
	"slices"
	"testing"
)

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks(`goos: linux
[    1.234567] a word of the kernel's
BenchmarkDirect   	       1	      9022 bare	     14207.5 ours
Benchmark
BenchmarkCommit is not one
BenchmarkCommit/100         	       1	  23328928 nft	  12777088 ours
BenchmarkUp/QMI-2           	       1	  0.25 ours
PASS
`)
	if len(got) != 3 {
		t.Fatalf("got the benchmarks %v, want three", got)
	}
	for _, test := range []struct {
		benchmark string
		units     []string
		want      []float64
	}{
		{"Direct", []string{"ours", "bare"}, []float64{14207.5, 9022}},
		{"Commit/100", []string{"nft"}, []float64{23328928}},
		{"Up/QMI", []string{"ours"}, []float64{0.25}},
	} {
		values, err := got.values(test.benchmark, test.units...)
		if err != nil || !slices.Equal(values, test.want) {
			t.Errorf("%s reports %v under %v, %v; want %v", test.benchmark, values, test.units, err, test.want)
		}
	}
	if values, err := got.values("Direct", "vyos"); err == nil {
		t.Errorf("Direct reports %v under a unit it does not have", values)
	}
	if values, err := got.values("Tunnel", "bare"); err == nil {
		t.Errorf("a benchmark that did not run reports %v", values)
	}
}
