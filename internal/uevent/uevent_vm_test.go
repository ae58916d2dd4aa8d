//go:build vm

package uevent

import "testing"

func TestColdplugIsHeard(t *testing.T) {
	socket, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	done := make(chan error, 1)
	go func() { done <- Coldplug(t.Context(), "/sys/devices") }()
	var withAlias int
	for {
		e, err := socket.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.Action == "add" && e.Vars["MODALIAS"] != "" {
			withAlias++
		}
		if e.Path == "/devices/virtual/net/lo" {
			break
		}
	}
	if withAlias == 0 {
		t.Error("no device asked for a module")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
