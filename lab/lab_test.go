package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listing is what swanctl 5.9.8 prints for one IKE_SA with one CHILD_SA.
const listing = `list-sa event {dmvpn {uniqueid=1 version=2 state=ESTABLISHED local-host=203.0.113.1 local-port=4500 local-id=hub1.example.net remote-host=203.0.113.254 remote-port=35002 initiator-spi=0f43ad5efc55710f child-sas {gre-1 {name=gre uniqueid=1 reqid=1 state=INSTALLED mode=TRANSPORT protocol=ESP encap=yes spi-in=c4252cc1 spi-out=cfed2a79 encr-alg=AES_GCM_16 encr-keysize=256 bytes-in=748 packets-in=17 use-in=0 bytes-out=668 packets-out=17 use-out=0 rekey-time=3293 life-time=3955 install-time=5 local-ts=[203.0.113.1/32[gre]] remote-ts=[203.0.113.254/32[gre]]}}}}
list-sas reply {}
`

func TestParseSAs(t *testing.T) {
	want := []HubSA{{SPIIn: "c4252cc1", SPIOut: "cfed2a79", PacketsIn: 17, State: "INSTALLED"}}
	if diff := cmp.Diff(want, parseSAs(listing)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := parseSAs("list-sas reply {}\n"); got != nil {
		t.Errorf("SAs of an empty listing: %+v", got)
	}
}
