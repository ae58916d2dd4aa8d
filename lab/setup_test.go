package main

import (
	"reflect"
	"testing"
)

func TestParseSetups(t *testing.T) {
	ours, peers, err := parseSetups("=== RUN TestSetup\r\nsetup ours 2 181973744\r\nsetup strongSwan 3 522345984\r\nsetup ours 2 1000000\r\nPASS\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := (setups{[]float64{2, 2}, []float64{181.973744, 1}}); !reflect.DeepEqual(ours, want) {
		t.Errorf("ours = %v, want %v", ours, want)
	}
	if want := (setups{[]float64{3}, []float64{522.345984}}); !reflect.DeepEqual(peers, want) {
		t.Errorf("peers = %v, want %v", peers, want)
	}
	if _, _, err := parseSetups("setup ours 2 1\n"); err == nil {
		t.Error("a peer that has set up nothing is no error")
	}
}
