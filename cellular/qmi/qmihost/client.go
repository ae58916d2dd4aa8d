package qmihost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// ask puts request to the modem as the client of its service, and reads the answer
// into response.
func (m *Modem) ask(ctx context.Context, limit time.Duration, request, response qmi.Body) error {
	service := request.Kind().Service
	client, err := m.client(ctx, service)
	if err != nil {
		return err
	}
	err = m.talk.ask(ctx, client, limit, request, response)
	if errors.Is(err, qmi.ErrInvalidClientID) {
		delete(m.clients, service) // the next question gets a new one
	}
	return known(err)
}

// client returns our client id of service. The first time it comes from the modem,
// and the service is asked for its indications.
func (m *Modem) client(ctx context.Context, service qmi.Service) (uint8, error) {
	if err := m.renew(ctx); err != nil {
		return 0, err
	}
	if client, ok := m.clients[service]; ok {
		return client, nil
	}
	client, err := m.newClient(ctx, service)
	if err != nil {
		return 0, err
	}
	if err := m.subscribe(ctx, service, client); err != nil {
		m.release(service, client)
		return 0, err
	}
	m.clients[service] = client
	m.memory.Store(m.state())
	return client, nil
}

// renew gets acquainted anew with a modem that has started anew.
func (m *Modem) renew(ctx context.Context) error {
	if !m.restarted.CompareAndSwap(true, false) {
		return nil
	}
	m.forget()
	if err := m.setFraming(ctx); err != nil {
		m.restarted.Store(true)
		return err
	}
	return nil
}

// newClient has the modem give out a client id of service.
func (m *Modem) newClient(ctx context.Context, service qmi.Service) (uint8, error) {
	if !m.services[service] {
		return 0, fmt.Errorf("%w: it has no %v", modem.ErrUnsupported, service)
	}
	var got qmi.GetClientIDResponse
	if err := m.talk.ask(ctx, 0, answerLimit, &qmi.GetClientIDRequest{Service: service}, &got); err != nil {
		return 0, known(err)
	}
	return got.ID.Client, nil
}

// subscribe asks service for the indications of what the life cycle follows. A
// modem without them is asked now and then anyway.
func (m *Modem) subscribe(ctx context.Context, service qmi.Service, client uint8) error {
	var request, response qmi.Body
	switch service {
	case qmi.DMS:
		request, response = &qmi.SetDeviceEventsRequest{OperatingMode: new(true)}, &qmi.SetDeviceEventsResponse{}
	case qmi.NAS:
		request, response = &qmi.SetNetworkEventsRequest{
			ServingSystem: new(true), System: new(true), Signal: new(true), Rejects: &qmi.RejectReports{Report: true},
		}, &qmi.SetNetworkEventsResponse{}
	case qmi.UIM:
		request, response = &qmi.RegisterCardEventsRequest{Events: qmi.CardStatusEvents | qmi.PhysicalSlotEvents}, &qmi.RegisterCardEventsResponse{}
	default:
		return nil
	}
	return exceptNo(m.talk.ask(ctx, client, answerLimit, request, response))
}

// forget forgets what the modem forgets when it starts anew.
func (m *Modem) forget() {
	m.clients = make(map[qmi.Service]uint8)
	m.calls = make(map[place]call)
	m.authenticated = false
}

// release gives a client id back, and with one of WDS ends its call. It reports
// whether the modem has heard it; if not, the next Open frees the id.
func (m *Modem) release(service qmi.Service, client uint8) bool {
	ctx := context.Background() // as short as its limit, and not cut off by what went before
	id := qmi.ClientID{Service: service, Client: client}
	err := m.talk.ask(ctx, 0, partingLimit, &qmi.ReleaseClientIDRequest{ID: id}, &qmi.ReleaseClientIDResponse{})
	return err == nil || saidNo(err)
}

// releaseClients gives all client ids back but those of calls.
func (m *Modem) releaseClients() {
	for service, client := range m.clients {
		if !m.release(service, client) {
			return
		}
	}
}
