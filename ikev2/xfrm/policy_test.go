package xfrm

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const goldenProtectOut = `
	16x00 16x00 00000000 00000000 0200 00 00 2f 3x00 00000000 00000000 # selector: any, proto 47
	32xff 32x00 32x00                                                  # no limits, no counters
	e8030000 00000000 01 00 00 00 4x00                                 # priority 1000, out, allow
	4400 0500 16x00 00000000 32 3x00 0200 0000 16x00 07000000 00 00 00 00
	12xff                                                              # template: ESP reqid 7
`

const goldenBlockIn = `
	16x00 16x00 0001 0000 00000000 0200 00 00 2f 3x00 00000000 00000000
	32xff 32x00 32x00
	d0070000 00000000 00 01 00 00 4x00                                 # priority 2000, in, block
`

func TestPolicyBytes(t *testing.T) {
	policies := FailClosed(7)
	tests := []struct {
		policy Policy
		golden string
	}{
		{policies[0], goldenProtectOut},
		{policies[3], goldenBlockIn},
	}
	for _, test := range tests {
		t.Run(test.policy.String(), func(t *testing.T) {
			want := goldenBytes(t, test.golden)
			got, err := test.policy.marshal()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.Dump(want), hex.Dump(got)); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
			p, ours, err := parsePolicy(want)
			if err != nil || !ours {
				t.Fatalf("parsePolicy: ours %v, %v", ours, err)
			}
			if diff := cmp.Diff(test.policy, p, comparePrefixes); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
		})
	}
}

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func TestFailClosedNamesNoInterfaceAndDiffersInSelectors(t *testing.T) {
	type key struct {
		s   selector
		dir Direction
	}
	seen := map[key]Policy{}
	for _, p := range FailClosed(7) {
		s := p.selector()
		if s.Ifindex != 0 {
			t.Errorf("%s is bound to interface %d", p, s.Ifindex)
		}
		if other, taken := seen[key{s, p.Dir}]; taken {
			t.Errorf("%s would replace %s", p, other)
		}
		seen[key{s, p.Dir}] = p
	}
}

func TestWeakTemplatesAreNotProtection(t *testing.T) {
	b := goldenBytes(t, goldenProtectOut)
	const templateAt = 168 + 4
	for name, change := range map[string]struct {
		offset int
		value  byte
	}{
		"optional":    {50, 1},
		"tunnel mode": {48, 1},
		"AH":          {20, 51},
	} {
		t.Run(name, func(t *testing.T) {
			weak := append([]byte(nil), b...)
			weak[templateAt+change.offset] = change.value
			p, _, err := parsePolicy(weak)
			if err != nil || p.ReqID != 0 {
				t.Errorf("policy = %s, %v; want no reqid", p, err)
			}
		})
	}
}

func TestSocketPoliciesAreSkipped(t *testing.T) {
	b := goldenBytes(t, goldenBlockIn)
	b[160] = 3 // direction of a socket's inbound policy
	if _, ours, err := parsePolicy(b); ours || err != nil {
		t.Errorf("ours = %v, %v", ours, err)
	}
}

func TestPolicyStrings(t *testing.T) {
	p := FailClosed(7)[0]
	const want = "out src 0.0.0.0/0 dst 0.0.0.0/0 proto 47 priority 1000 esp reqid 7"
	if p.String() != want {
		t.Errorf("%q, want %q", p, want)
	}
	if _, err := (Policy{}).marshal(); err == nil {
		t.Error("a policy without prefixes is accepted")
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, p := range FailClosed(7) {
		b, err := p.marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		if p, ours, err := parsePolicy(b); err == nil && ours {
			_ = p.String()
		}
	})
}
