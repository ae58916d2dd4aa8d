package xfrm

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
)

// kernel is a fake that holds SAs, answers as XFRM does and records what it was
// asked.
type kernel struct {
	states   [][]byte
	requests []netlink.HeaderType
	bodies   [][]byte
	errno    unix.Errno
}

func (k *kernel) open(t *testing.T) *Handle {
	t.Helper()
	h := &Handle{nltest.Dial(k.answer)}
	t.Cleanup(func() { h.Close() })
	return h
}

func (k *kernel) answer(requests []netlink.Message) ([]netlink.Message, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	request := requests[0]
	k.requests = append(k.requests, request.Header.Type)
	k.bodies = append(k.bodies, request.Data)
	if request.Header.Flags&netlink.Dump == netlink.Dump {
		var replies []netlink.Message
		// Multipart makes the last message the one that ends the list.
		for _, body := range append(slices.Clone(k.states), nil) {
			reply := request
			reply.Header.Type, reply.Data = msgNewSA, body
			replies = append(replies, reply)
		}
		return nltest.Multipart(replies)
	}
	return nltest.Error(int(k.errno), requests)
}

func TestRequests(t *testing.T) {
	sa, policy := outbound(), FailClosed(7)[0]
	tests := []struct {
		name    string
		call    func(*Handle) error
		message netlink.HeaderType
		// gone is the kernel's error that is none to the caller.
		gone unix.Errno
	}{
		{"add SA", func(h *Handle) error { return h.AddSA(sa) }, msgNewSA, 0},
		{"update SA", func(h *Handle) error { return h.UpdateSA(sa) }, msgUpdSA, 0},
		{"delete SA", func(h *Handle) error { return h.DeleteSA(sa.ID()) }, msgDelSA, unix.ESRCH},
		{"put policy", func(h *Handle) error { return h.PutPolicy(policy) }, msgUpdPolicy, 0},
		{"delete policy", func(h *Handle) error { return h.DeletePolicy(policy) }, msgDelPolicy, unix.ENOENT},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := &kernel{}
			if err := test.call(k.open(t)); err != nil {
				t.Fatal(err)
			}
			if len(k.requests) != 1 || k.requests[0] != test.message {
				t.Errorf("requests = %#x, want one %#x", k.requests, test.message)
			}
			k.errno = unix.EPERM
			if err := test.call(k.open(t)); !errors.Is(err, unix.EPERM) {
				t.Errorf("err = %v, want EPERM", err)
			}
			if k.errno = test.gone; k.errno != 0 {
				if err := test.call(k.open(t)); err != nil {
					t.Errorf("err = %v, want none when it is gone", err)
				}
			}
		})
	}
}

func TestDeleteSABytes(t *testing.T) {
	want := goldenBytes(t, "c6336407 12x00 abad1dea 0200 32 00")
	sa := outbound()
	if diff := cmp.Diff(want, packSAID(sa.ID())); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

func TestSAsOfOneReqID(t *testing.T) {
	other := goldenBytes(t, goldenOutbound)
	native.PutUint32(other[208:], 8)
	larval := goldenBytes(t, goldenOutbound)
	clear(larval[72:76])
	k := &kernel{states: [][]byte{goldenBytes(t, goldenInbound), other, larval}}
	states, err := k.open(t).SAs(7)
	if err != nil || len(states) != 1 || states[0].ID() != (ID{here, 0xc0ffee01}) {
		t.Errorf("SAs = %v, %v", states, err)
	}
}

func TestMoveSAKeepsTheSequence(t *testing.T) {
	in, out := inbound(), outbound()
	inBytes, err := in.marshal(replay{in: 99, bitmap: []uint32{1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	outBytes, err := out.marshal(replay{out: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		sa   SA
		want replay
	}{
		{"inbound", in, replay{in: 99, bitmap: []uint32{1, 2, 3, 4}}},
		{"outbound", out, replay{out: 1000 + sequenceGap, bitmap: []uint32{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := &kernel{states: [][]byte{inBytes, outBytes}}
			moved := test.sa
			moved.Dst = moved.Dst.Next()
			if err := k.open(t).MoveSA(test.sa.ID(), moved); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]netlink.HeaderType{msgGetSA, msgDelSA, msgNewSA}, k.requests); diff != "" {
				t.Fatalf("requests (-want +got):\n%s", diff)
			}
			state, _, err := parseState(k.bodies[2])
			if err != nil || state.ID() != moved.ID() {
				t.Fatalf("moved to %s, %v; want %s", state.ID(), err, moved.ID())
			}
			if diff := cmp.Diff(test.want, state.replay, cmp.AllowUnexported(replay{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("replay state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMoveSARefuses(t *testing.T) {
	k := &kernel{states: [][]byte{goldenBytes(t, goldenInbound)}}
	sa := inbound()
	if err := k.open(t).MoveSA(ID{there, 300}, sa); !errors.Is(err, unix.ESRCH) {
		t.Errorf("unknown SA: err = %v, want ESRCH", err)
	}
	sa.ReplayWindow = 64
	if err := k.open(t).MoveSA(sa.ID(), sa); err == nil {
		t.Error("another replay window is accepted; the bitmap would not fit")
	}
}
