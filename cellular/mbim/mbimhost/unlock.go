package mbimhost

import (
	"context"
	"fmt"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// unlock lets the radio of a modem be switched on that its maker has tied to a make
// of host (the "FCC lock" of laptops). MBIM has no word for it: makers have their
// own. What the modem does not know, or refuses, is left.
func (m *Modem) unlock(ctx context.Context) error {
	if m.has(mbim.CmdQuectelRadioState) {
		if err := unlessRefused(m.set(ctx, &mbim.QuectelRadio{State: mbim.QuectelRadioSwitchStateOn})); err != nil {
			return err
		}
	}
	if !m.has(mbim.CmdQMIMessage) {
		return nil
	}
	var client qmi.GetClientIDResponse
	if err := m.askQMI(ctx, 0, &qmi.GetClientIDRequest{Service: qmi.DMS}, &client); err != nil {
		return unlessSaidNo(err)
	}
	err := m.askQMI(ctx, client.ID.Client, &qmi.AuthenticateRequest{}, &qmi.AuthenticateResponse{})
	if err := unlessSaidNo(err); err != nil {
		return err
	}
	return unlessSaidNo(m.askQMI(ctx, 0, &qmi.ReleaseClientIDRequest{ID: client.ID}, &qmi.ReleaseClientIDResponse{}))
}

// askQMI asks the modem in QMI within MBIM, as one of its clients. MBIM keeps the
// answers apart, so that the transaction is always the first.
func (m *Modem) askQMI(ctx context.Context, client uint8, question, answer qmi.Body) error {
	message, err := qmi.New(client, 1, question)
	if err != nil {
		return err
	}
	frame, err := message.Marshal()
	if err != nil {
		return err
	}
	var reply mbim.QMIMessage
	if err := m.do(ctx, mbim.Set, &mbim.QMIMessage{Frame: frame}, &reply); err != nil {
		return err
	}
	if message, err = qmi.Parse(reply.Frame); err != nil {
		return fmt.Errorf("%v: %w", mbim.CmdQMIMessage, err)
	}
	return message.Decode(answer)
}

// unlessSaidNo returns err if it is neither MBIM's nor QMI's no.
func unlessSaidNo(err error) error {
	if _, no := qmi.Refused(err); no {
		return nil
	}
	return unlessRefused(err)
}
