package main

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/internal/light"
	"github.com/farspoke/farspoke/internal/uplink"
)

func TestWhatTheLightShows(t *testing.T) {
	if got := (lit{box: new(box), problem: errors.New("no such key")}).Condition(); !got.Faulty || got.Uplink {
		t.Errorf("a configuration that cannot be used: %+v", got)
	}
	if got, want := (lit{box: new(box)}).Condition(), (light.Condition{Reached: true}); got != want {
		t.Errorf("a box with nothing: %+v, want %+v", got, want)
	}
	lan := uplink.State{Up: true, Address: netip.MustParsePrefix("192.168.17.1/24")}
	if isUplink(lan) {
		t.Error("a LAN is taken for an uplink")
	}
	lan.Gateway = netip.MustParseAddr("192.168.17.254")
	if !isUplink(lan) {
		t.Error("an uplink is taken for a LAN")
	}
	registering := dmvpn.ServerStatus{State: dmvpn.Registering}
	registered := dmvpn.ServerStatus{State: dmvpn.Registered}
	if reached(dmvpn.Status{Servers: []dmvpn.ServerStatus{registering}}) {
		t.Error("a hub that has not answered is taken for reached")
	}
	if !reached(dmvpn.Status{Servers: []dmvpn.ServerStatus{registering, registered}}) {
		t.Error("one of two hubs is enough")
	}
}
