package qmihost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Identity says what the modem is.
func (m *Modem) Identity(ctx context.Context) (modem.Identity, error) {
	var (
		maker    qmi.GetManufacturerResponse
		model    qmi.GetModelResponse
		revision qmi.GetRevisionResponse
		ids      qmi.GetIDsResponse
	)
	for _, q := range []struct{ request, response qmi.Body }{
		{&qmi.GetManufacturerRequest{}, &maker},
		{&qmi.GetModelRequest{}, &model},
		{&qmi.GetRevisionRequest{}, &revision},
		{&qmi.GetIDsRequest{}, &ids},
	} {
		if err := exceptNo(m.ask(ctx, answerLimit, q.request, q.response)); err != nil {
			return modem.Identity{}, err
		}
	}
	id := modem.Identity{Manufacturer: maker.Manufacturer, Model: model.Model, Firmware: revision.Revision, Protocol: "QMI", Sessions: m.path.sessions()}
	if ids.IMEI != nil && *ids.IMEI != "0" {
		id.IMEI = *ids.IMEI
	}
	return id, nil
}
