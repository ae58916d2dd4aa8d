package qmihost

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// divided is a path with channels.
var divided = Path{Channels: true, Endpoint: &qmi.Endpoint{Type: qmi.EndpointUSB, Interface: 4}}

// newChannelScript returns a modem that has its path divided.
func newChannelScript(t *testing.T) *script {
	s := newScript(t)
	on(s, func(_ uint8, r *qmi.SetDataFormatRequest) any { return &qmi.SetDataFormatResponse{Format: r.Format} })
	always[qmi.BindMuxPortRequest](s, &qmi.BindMuxPortResponse{})
	return s
}

func TestSessionsOnChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newChannelScript(t)
		m, err := Open(ctx, s.wire, divided, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if asked := s.asked((*qmi.SetDataFormatRequest)(nil).Kind()); !reflect.DeepEqual(asked, []qmi.Body{&qmi.SetDataFormatRequest{
			Format: qmi.DataFormat{
				QoS: new(false), Link: new(qmi.LinkRawIP), Up: new(qmi.AggregationQMAP), Down: new(qmi.AggregationQMAP),
				DownPackets: new(uint32(16)), DownSize: new(uint32(1500)),
			}, Endpoint: divided.Endpoint,
		}}) {
			t.Errorf("asked %+v", asked)
		}
		if id, err := m.Identity(ctx); err != nil || id.Sessions != channelSessions {
			t.Errorf("%+v, %v", id, err)
		}
		for _, session := range []int{0, 2} {
			if err := m.Connect(ctx, session, modem.APN{Families: modem.IPv4}); err != nil {
				t.Fatal(err)
			}
		}
		want := []qmi.Body{
			&qmi.BindMuxPortRequest{Endpoint: divided.Endpoint, Mux: new(uint8(1)), Client: new(qmi.ClientOutside)},
			&qmi.BindMuxPortRequest{Endpoint: divided.Endpoint, Mux: new(uint8(3)), Client: new(qmi.ClientOutside)},
		}
		if asked := s.asked((*qmi.BindMuxPortRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
		if err := m.Disconnect(ctx, 0); err != nil {
			t.Error(err)
		}
		if _, err := m.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		if c, err := m.Connection(ctx, 2); err != nil || !c.Address4.IsValid() || c.MTU != 1496 {
			t.Errorf("%+v, %v", c, err)
		}
		for _, session := range []int{-1, channelSessions} {
			if err := m.Connect(ctx, session, modem.APN{}); !errors.Is(err, modem.ErrUnsupported) {
				t.Errorf("%d: %v", session, err)
			}
		}
	})
}

func TestModemWithoutChannels(t *testing.T) {
	for name, answer := range map[string]any{
		"unknown": qmi.ErrInvalidCommand,
		"refused": &qmi.SetDataFormatResponse{Format: qmi.DataFormat{Link: new(qmi.LinkRawIP), Up: new(qmi.AggregationNone), Down: new(qmi.AggregationNone)}},
		"in part": &qmi.SetDataFormatResponse{Format: qmi.DataFormat{Up: new(qmi.AggregationQMAP), Down: new(qmi.AggregationNone)}},
		"framed":  &qmi.SetDataFormatResponse{Format: qmi.DataFormat{Link: new(qmi.LinkEthernet)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				always[qmi.SetDataFormatRequest](s, answer)
				if m, err := Open(t.Context(), s.wire, divided, quiet()); m != nil || !errors.Is(err, modem.ErrUnsupported) {
					t.Errorf("%v, %v", m, err)
				}
			})
		})
	}
}

func TestChannelThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newChannelScript(t)
		always[qmi.BindMuxPortRequest](s, qmi.ErrInvalidArgument)
		m, err := Open(t.Context(), s.wire, divided, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if err := m.Connect(t.Context(), 1, modem.APN{}); !errors.Is(err, qmi.ErrInvalidArgument) {
			t.Errorf("%v", err)
		}
		if s.held(qmi.WDS) != 0 {
			t.Error("the client was kept")
		}
	})
}

func TestMTUFitsThePath(t *testing.T) {
	for _, c := range []struct {
		path      Path
		mtu, want int
	}{{Path{}, 0, 0}, {Path{}, 1500, 1500}, {divided, 0, 1496}, {divided, 1500, 1496}, {divided, 1496, 1496}, {divided, 1430, 1430}} {
		if got := c.path.fit(c.mtu); got != c.want {
			t.Errorf("%+v: %d is %d, want %d", c.path, c.mtu, got, c.want)
		}
	}
}
