package main

import "testing"

func TestFaultsAreToldApart(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range faults {
		if f.name == "" || f.summary == "" || f.inflict == nil || names[f.name] {
			t.Errorf("%q has no name of its own, no summary or does nothing", f.name)
		}
		names[f.name] = true
	}
}

func TestSoakMeetsEveryRestartOfTheHub(t *testing.T) {
	met := make(map[string]int)
	for n := range hubSteps * len(hubFaults) {
		met[soakFault(n).name]++
	}
	for _, name := range hubFaults {
		if met[name] != 1 {
			t.Errorf("%s comes %d times in a round, want once", name, met[name])
		}
	}
	if met["nat-moves"] == 0 {
		t.Error("the NAT never moves alone")
	}
}
