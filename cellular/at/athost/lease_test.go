package athost

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/at"
)

func TestLeases(t *testing.T) {
	addresses := func(all ...string) (list []netip.Addr) {
		for _, a := range all {
			list = append(list, netip.MustParseAddr(a))
		}
		return list
	}
	for text, want := range map[string]lease{
		// As ModemManager's comment and users' logs have it.
		"930E790A,000000FF,0100000A,0100000A,FFB84170,035416D2, 600000000, 100000000": {
			netip.MustParsePrefix("10.121.14.147/8"), netip.MustParseAddr("10.0.0.1"), addresses("112.65.184.255", "210.22.84.3"),
		},
		// With the high octet first.
		"0A0A0A02,FFFFFF00,0A0A0A01,0A0A0A01,08080808,01010101": {
			netip.MustParsePrefix("10.10.10.2/24"), netip.MustParseAddr("10.10.10.1"), addresses("8.8.8.8", "1.1.1.1"),
		},
		"413DA8C0,FFFFFFFF,00000000,0,0,0,1,1": {address: netip.MustParsePrefix("192.168.61.65/32")},
	} {
		p, err := at.ParseParams(text)
		if got, ok := huaweiLease(p); err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, %v", text, got, ok, err)
		}
	}
	for _, text := range []string{"", "0,0,0", "1,2,3,4", "00000000,00FFFFFF", "x,00FFFFFF", "0100000A,00FF00FF"} {
		p, err := at.ParseParams(text)
		if got, ok := huaweiLease(p); err != nil || ok {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	p, err := at.ParseParams(`(1,"46.157.32.246")(2,"46.157.32.243")(3,"193.213.112.4")(3,"130.67.15.198"),(1,"fe80::1"),5`)
	want := lease{netip.MustParsePrefix("46.157.32.246/32"), netip.MustParseAddr("46.157.32.243"), addresses("193.213.112.4", "130.67.15.198")}
	if got, ok := ericssonLease(p); err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if got, ok := ericssonLease(nil); ok {
		t.Errorf("%+v", got)
	}
}
