package qmiside

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// host is a host in the same bubble as its modem.
type host struct {
	*testing.T
	modem       *virtual.Modem
	side        *Side
	transaction uint16
	heard       []qmi.Message
}

// inBubble runs f with a host and its modem, which has registered.
func inBubble(t *testing.T, s virtual.Scenario, f func(h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, err := virtual.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{T: t, modem: m}
		h.side = New(m, func(frame []byte) {
			message, err := qmi.Parse(frame)
			if err != nil {
				t.Errorf("the modem says % x: %v", frame, err)
			}
			h.heard = append(h.heard, message)
		})
		h.pass(2 * time.Second)
		f(h)
	})
}

func (h *host) pass(d time.Duration) {
	h.modem.Do(func() {}) // what it says next comes after what was read of it by now
	time.Sleep(d)
	synctest.Wait()
}

// send sends a request and does not wait.
func (h *host) send(client uint8, request qmi.Body) {
	h.Helper()
	h.transaction++
	m, err := qmi.New(client, h.transaction, request)
	if err != nil {
		h.Fatal(err)
	}
	frame, err := m.Marshal()
	if err != nil {
		h.Fatal(err)
	}
	h.side.Receive(frame)
}

// ask sends a request and reads the answer, if there is one.
func (h *host) ask(client uint8, request, answer qmi.Body) (answered bool, err error) {
	h.Helper()
	h.send(client, request)
	h.pass(time.Second)
	for _, m := range h.heard {
		if m.Class == qmi.Response && m.Transaction == h.transaction {
			return true, m.Decode(answer)
		}
	}
	return false, nil
}

// must is ask for what has to succeed.
func (h *host) must(client uint8, request, answer qmi.Body) {
	h.Helper()
	if answered, err := h.ask(client, request, answer); !answered || err != nil {
		h.Fatalf("%v: answered %v, %v", request.Kind(), answered, err)
	}
}

// refused is ask for what has to be refused.
func (h *host) refused(code qmi.ErrorCode, client uint8, request, answer qmi.Body) {
	h.Helper()
	if answered, err := h.ask(client, request, answer); !answered || !errors.Is(err, code) {
		h.Errorf("%v: answered %v, %v, want %v", request.Kind(), answered, err, code)
	}
}

func (h *host) client(service qmi.Service) uint8 {
	h.Helper()
	var answer qmi.GetClientIDResponse
	h.must(0, &qmi.GetClientIDRequest{Service: service}, &answer)
	return answer.ID.Client
}

// indications are those of a kind, read and forgotten.
func indications[T any, P interface {
	*T
	qmi.Body
}](h *host) (all []P) {
	rest := h.heard[:0]
	for _, m := range h.heard {
		body := P(new(T))
		if m.Kind != body.Kind() {
			rest = append(rest, m)
			continue
		}
		if err := m.Decode(body); err != nil {
			h.Error(err)
		}
		all = append(all, body)
	}
	h.heard = rest
	return all
}

func start(family qmi.IPFamily, apn string) *qmi.StartNetworkRequest {
	return &qmi.StartNetworkRequest{APN: &apn, Family: &family}
}

func TestOneCallForEachFamily(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		four, six := h.client(qmi.WDS), h.client(qmi.WDS)
		var up4, up6 qmi.StartNetworkResponse
		h.must(four, start(qmi.FamilyIPv4, "internet"), &up4)
		h.must(six, start(qmi.FamilyIPv6, "internet"), &up6)
		if up4.Handle == up6.Handle {
			h.Error("both calls have the same handle")
		}
		if told := indications[qmi.PacketStatusIndication](h); len(told) != 2 || told[1].Status.Status != qmi.Connected || *told[1].Family != qmi.FamilyIPv6 {
			h.Errorf("told %d times: %+v", len(told), told)
		}
		h.refused(qmi.ErrNoEffect, four, start(qmi.FamilyIPv4, "internet"), &qmi.StartNetworkResponse{})
		var settings qmi.GetSettingsResponse
		h.must(six, &qmi.GetSettingsRequest{Wanted: new(qmi.SettingAddress)}, &settings)
		if settings.IPv6.Address == nil || settings.IPv4.Address != nil || settings.MTU != nil {
			h.Errorf("the settings of the IPv6 call, of which only the address was asked for: %+v", settings)
		}
		h.must(four, &qmi.StopNetworkRequest{Handle: up4.Handle}, &qmi.StopNetworkResponse{})
		if told := indications[qmi.PacketStatusIndication](h); len(told) != 1 || told[0].Status.Status != qmi.Disconnected || *told[0].Reason != reasonClientEnd {
			h.Errorf("told %d times of the end", len(told))
		}
		h.refused(qmi.ErrOutOfCall, four, &qmi.GetSettingsRequest{}, &qmi.GetSettingsResponse{})
		h.must(six, &qmi.GetSettingsRequest{}, &settings)
	})
}

func TestClientsShareACallOrMeetAnother(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		first, second, third := h.client(qmi.WDS), h.client(qmi.WDS), h.client(qmi.WDS)
		var up qmi.StartNetworkResponse
		h.must(first, start(qmi.FamilyIPv4, "internet"), &up)
		h.must(second, start(qmi.FamilyIPv4, "internet"), &qmi.StartNetworkResponse{})
		h.refused(qmi.ErrPolicyMismatch, third, start(qmi.FamilyIPv4, "other"), &qmi.StartNetworkResponse{})
		h.must(first, &qmi.StopNetworkRequest{Handle: up.Handle}, &qmi.StopNetworkResponse{})
		h.must(second, &qmi.GetSettingsRequest{}, &qmi.GetSettingsResponse{})
		h.must(0, &qmi.ReleaseClientIDRequest{ID: qmi.ClientID{Service: qmi.WDS, Client: second}}, &qmi.ReleaseClientIDResponse{})
		h.modem.Do(func() {
			if len(h.modem.Sessions()) != 0 {
				h.Error("the call has outlived its last client")
			}
		})
	})
}

// TestCallThatIsAboutToEnd asks for a call while the network is taking leave of the
// same: the one that comes up is another.
func TestCallThatIsAboutToEnd(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		first, second, third := h.client(qmi.WDS), h.client(qmi.WDS), h.client(qmi.WDS)
		var up qmi.StartNetworkResponse
		h.must(first, start(qmi.FamilyIPv4, "internet"), &up)
		h.send(first, &qmi.StopNetworkRequest{Handle: up.Handle})
		h.send(third, start(qmi.FamilyIPv4, "internet"))
		h.send(0, &qmi.ReleaseClientIDRequest{ID: qmi.ClientID{Service: qmi.WDS, Client: third}})
		h.must(second, start(qmi.FamilyIPv4, "internet"), &qmi.StartNetworkResponse{})
		h.pass(time.Minute)
		h.must(second, &qmi.GetSettingsRequest{}, &qmi.GetSettingsResponse{})
		if told := indications[qmi.PacketStatusIndication](h); len(told) != 3 || told[1].Status.Status != qmi.Disconnected || told[2].Status.Status != qmi.Connected {
			h.Errorf("told %d times: %+v", len(told), told)
		}
		h.must(second, &qmi.StopNetworkRequest{Handle: up.Handle + 1}, &qmi.StopNetworkResponse{})
		h.modem.Do(func() {
			if n := len(h.modem.Sessions()); n != 0 {
				h.Errorf("%d calls have outlived their clients", n)
			}
		})
	})
}

func TestLeakedClientsAreFreedBySync(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		for range clientsOfAService {
			h.client(qmi.NAS)
		}
		h.refused(qmi.ErrClientIDsExhausted, 0, &qmi.GetClientIDRequest{Service: qmi.NAS}, &qmi.GetClientIDResponse{})
		h.must(0, &qmi.SyncRequest{}, &qmi.SyncResponse{})
		if answered, _ := h.ask(1, &qmi.GetSignalRequest{}, &qmi.GetSignalResponse{}); answered {
			h.Error("a client that was freed is answered")
		}
		h.client(qmi.NAS)
	})
}

func TestTheNetworkEndsACall(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		c := h.client(qmi.WDS)
		h.must(c, &qmi.SetCallEventsRequest{Settings: new(true)}, &qmi.SetCallEventsResponse{})
		h.must(c, start(qmi.FamilyIPv4, "internet"), &qmi.StartNetworkResponse{})
		h.heard = nil
		h.modem.Do(func() {
			if err := errors.Join(h.modem.Readdress(0), h.modem.Drop(0, 39)); err != nil {
				h.Error(err)
			}
		})
		told := indications[qmi.PacketStatusIndication](h)
		if len(told) != 2 || !told[0].Status.Reconfigure || told[1].Status.Status != qmi.Disconnected {
			h.Fatalf("told %d times", len(told))
		}
		if cause, ok := told[1].Verbose.Cause(); !ok || cause != 39 || *told[1].Reason != 1010 {
			h.Errorf("ended for %v, in short %v", *told[1].Verbose, *told[1].Reason)
		}
		if changed := indications[qmi.SettingsIndication](h); len(changed) != 1 || *changed[0].Changed&qmi.SettingAddress == 0 {
			h.Errorf("told %d times of settings", len(changed))
		}
		h.must(c, start(qmi.FamilyIPv4, "internet"), &qmi.StartNetworkResponse{})
	})
}

func TestIndicationsComeToWhoAskedForThem(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		asks := h.client(qmi.NAS)
		h.client(qmi.NAS)
		cards := h.client(qmi.UIM)
		h.must(asks, &qmi.SetNetworkEventsRequest{ServingSystem: new(true), Rejects: &qmi.RejectReports{Report: true}}, &qmi.SetNetworkEventsResponse{})
		h.must(cards, &qmi.RegisterCardEventsRequest{Events: qmi.CardStatusEvents}, &qmi.RegisterCardEventsResponse{})
		h.heard = nil
		h.modem.Do(func() {
			if err := h.modem.Change("", func(n *virtual.Network) error { n.Deny = 6; return nil }); err != nil {
				h.Error(err)
			}
		})
		h.pass(2 * time.Second)
		serving := indications[qmi.ServingSystemIndication](h)
		if len(serving) != 2 || serving[0].System.Network.State != qmi.Searching || serving[1].System.Network.State != qmi.RegistrationDenied {
			h.Errorf("%d reports of registration", len(serving))
		}
		if rejects := indications[qmi.RejectIndication](h); len(rejects) != 1 || rejects[0].Cause != 6 {
			h.Errorf("%d rejects", len(rejects))
		}
		if systems := indications[qmi.SystemIndication](h); len(systems) != 0 {
			h.Errorf("%d reports that nobody asked for", len(systems))
		}
		h.modem.Do(func() { h.modem.DrawSIM(0) })
		if states := indications[qmi.CardStatusIndication](h); len(states) != 1 || states[0].Status.Cards[0].State != qmi.CardAbsent {
			h.Errorf("%d reports of the card", len(states))
		}
	})
}

func TestRestart(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		c := h.client(qmi.DMS)
		h.must(c, &qmi.SetOperatingModeRequest{Mode: qmi.ModeOffline}, &qmi.SetOperatingModeResponse{})
		h.refused(qmi.ErrInvalidTransition, c, &qmi.SetOperatingModeRequest{Mode: qmi.ModeOnline}, &qmi.SetOperatingModeResponse{})
		h.heard = nil
		if answered, err := h.ask(c, &qmi.SetOperatingModeRequest{Mode: qmi.ModeResetting}, &qmi.SetOperatingModeResponse{}); !answered || err != nil {
			h.Errorf("restart: %v, %v", answered, err)
		}
		if answered, _ := h.ask(0, &qmi.SyncRequest{}, &qmi.SyncResponse{}); answered {
			h.Error("the modem answers while it starts")
		}
		h.pass(5 * time.Second)
		if len(indications[qmi.SyncIndication](h)) != 1 {
			h.Error("the modem is back and does not say so")
		}
		if answered, _ := h.ask(c, &qmi.GetOperatingModeRequest{}, &qmi.GetOperatingModeResponse{}); answered {
			h.Error("a client of before the restart is answered")
		}
	})
}

func TestFraming(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		var paths []Path
		h.side.Frame(func(p Path) { paths = append(paths, p) })
		c := h.client(qmi.WDA)
		var answer qmi.SetDataFormatResponse
		h.must(c, &qmi.SetDataFormatRequest{Format: qmi.DataFormat{Link: new(qmi.LinkRawIP)}}, &answer)
		if *answer.Format.Link != qmi.LinkRawIP || *answer.Format.Up != qmi.AggregationNone {
			h.Errorf("the format is %+v", answer.Format)
		}
		channels := qmi.DataFormat{Up: new(qmi.AggregationQMAP), Down: new(qmi.AggregationQMAP), DownSize: new(uint32(1500))}
		h.must(c, &qmi.SetDataFormatRequest{Format: channels}, &answer)
		if *answer.Format.Up != qmi.AggregationQMAP || *answer.Format.DownSize != 1500 {
			h.Errorf("the format is %+v", answer.Format)
		}
		h.must(0, &qmi.SetLinkFormatRequest{Protocol: new(qmi.LinkProtocol8023)}, &qmi.SetLinkFormatResponse{})
		want := []Path{{Link: qmi.LinkEthernet}, {Link: qmi.LinkRawIP}, {Link: qmi.LinkRawIP, Channels: true, DownSize: 1500}, {Link: qmi.LinkEthernet}}
		if !slices.Equal(paths, want) {
			h.Errorf("the paths were %+v, want %+v", paths, want)
		}
	})
}

func TestPathsThatThereAreNot(t *testing.T) {
	raw := Path{Link: qmi.LinkRawIP}
	for name, f := range map[string]qmi.DataFormat{
		"channels one way":    {Up: new(qmi.AggregationQMAP)},
		"either way another":  {Up: new(qmi.AggregationQMAP), Down: new(qmi.AggregationNone)},
		"a newer QMAP":        {Up: new(qmi.AggregationQMAPv5), Down: new(qmi.AggregationQMAPv5)},
		"channels of frames":  {Link: new(qmi.LinkEthernet), Up: new(qmi.AggregationQMAP), Down: new(qmi.AggregationQMAP)},
		"another link format": {Link: new(qmi.LinkLayer(9))},
	} {
		if p, ok := raw.changed(f); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestNumbersOfConnections(t *testing.T) {
	for channel := range uint8(3) {
		four, six := Number(channel, []byte{0x45}), Number(channel, []byte{0x60})
		if four == six || Channel(four) != channel || Channel(six) != channel {
			t.Errorf("channel %d has the connections %d and %d", channel, four, six)
		}
	}
}

func TestStartingSIMLooksLocked(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		c := h.client(qmi.UIM)
		var status qmi.GetCardStatusResponse
		h.modem.Do(func() {
			h.modem.InsertSIM(0, h.modem.DrawSIM(0))
			status.Status = h.side.cardStatus()
		})
		app, ok := status.Status.PrimaryApplication()
		if !ok || app.State != qmi.AppDetected || app.PIN1.State != qmi.PINEnabledNotVerified {
			h.Errorf("a SIM without PIN that starts: %+v", app)
		}
		h.pass(time.Second)
		h.must(c, &qmi.GetCardStatusRequest{}, &status)
		if app, _ := status.Status.PrimaryApplication(); app.State != qmi.AppReady || app.PIN1.State != qmi.PINDisabled {
			h.Errorf("and has started: %+v", app)
		}
	})
}

func TestHostLock(t *testing.T) {
	s := virtual.Default()
	s.Device.HostLock = true
	inBubble(t, s, func(h *host) {
		c := h.client(qmi.DMS)
		var mode qmi.GetOperatingModeResponse
		h.must(c, &qmi.GetOperatingModeRequest{}, &mode)
		if mode.Mode != qmi.ModeLowPower {
			h.Errorf("a locked modem is %v", mode.Mode)
		}
		h.refused(qmi.ErrInvalidTransition, c, &qmi.SetOperatingModeRequest{Mode: qmi.ModeOnline}, &qmi.SetOperatingModeResponse{})
		h.must(c, &qmi.AuthenticateRequest{}, &qmi.AuthenticateResponse{})
		h.must(c, &qmi.SetOperatingModeRequest{Mode: qmi.ModeOnline}, &qmi.SetOperatingModeResponse{})
	})
}

func TestAttachProfile(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		c := h.client(qmi.WDS)
		h.must(c, &qmi.ModifyProfileRequest{ID: qmi.ProfileID{Index: 3}, Profile: qmi.Profile{APN: new("fleet"), Auth: new(qmi.AuthPAP)}}, &qmi.ModifyProfileResponse{})
		h.must(c, &qmi.SetAttachProfilesRequest{Profiles: []uint16{3}, Action: new(qmi.AttachAnew)}, &qmi.SetAttachProfilesResponse{})
		h.modem.Do(func() {
			if apn := h.modem.AttachAPN(); apn.Name != "fleet" || apn.Auth != modem.PAP {
				h.Errorf("attaches with %v", apn)
			}
		})
		h.refused(qmi.ErrInvalidArgument, c, &qmi.SetAttachProfilesRequest{Profiles: []uint16{9}}, &qmi.SetAttachProfilesResponse{})
		h.refused(argumentTooLong, c, &qmi.ModifyProfileRequest{ID: qmi.ProfileID{Index: 3}, Profile: qmi.Profile{Name: new(strings.Repeat("x", 300))}}, &qmi.ModifyProfileResponse{})
		h.must(c, &qmi.ListProfilesRequest{}, &qmi.ListProfilesResponse{})
		h.refused(invalidProfile, c, &qmi.GetProfileRequest{ID: qmi.ProfileID{Index: 0}}, &qmi.GetProfileResponse{})
	})
}

// FuzzReceive: whatever a host sends, the modem's answers can be read.
func FuzzReceive(f *testing.F) {
	for id := range uint16(0x100) {
		for _, service := range []qmi.Service{qmi.CTL, qmi.WDS, qmi.DMS, qmi.NAS, qmi.UIM, qmi.WDA} {
			if qmi.Empty(qmi.Kind{Service: service, ID: id, Class: qmi.Request}) == nil {
				continue
			}
			m := qmi.Message{Kind: qmi.Kind{Service: service, ID: id, Class: qmi.Request}, Client: 1, Transaction: 1}
			if service == qmi.CTL {
				m.Client = 0
			}
			if frame, err := m.Marshal(); err == nil {
				f.Add(frame)
			}
		}
	}
	m, err := virtual.New(f.Context(), virtual.Default())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		side := New(m, func(frame []byte) {
			if _, err := qmi.Parse(frame); err != nil {
				t.Errorf("the modem says % x: %v", frame, err)
			}
		})
		defer side.Close()
		for _, v := range services {
			side.allocate(v.Service)
		}
		side.Receive(frame)
	})
}
