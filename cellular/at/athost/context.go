package athost

import (
	"context"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// dataContext is the number of the context whose packets go over the network
// device. It is the first one on all modems of this kind, and in LTE it is the one
// that the modem attaches with as well: the attach APN and the data APN are one.
const dataContext = 1

// families are the types of +CGDCONT (27.007, 10.1.1).
var families = map[modem.Families]string{modem.AnyFamily: "IPV4V6", modem.IPv4: "IP", modem.IPv6: "IPV6", modem.IPv4v6: "IPV4V6"}

// AttachAPN is the APN that the modem attaches with. Of user and password modems do
// not tell, so those are there that were given.
func (h *Host) AttachAPN(ctx context.Context) (modem.APN, error) {
	apn, _, err := h.defined(ctx)
	if err == nil && h.credentials != nil {
		apn.User, apn.Password, apn.Auth = h.credentials.User, h.credentials.Password, h.credentials.Auth
	}
	return apn, err
}

// SetAttachAPN changes it.
func (h *Host) SetAttachAPN(ctx context.Context, apn modem.APN) error { return h.define(ctx, apn) }

// defined returns the APN and families of the data context, and whether there is one.
func (h *Host) defined(ctx context.Context) (apn modem.APN, ok bool, err error) {
	contexts, err := h.read(ctx, "+CGDCONT?", "+CGDCONT")
	if err != nil {
		return modem.APN{}, false, err
	}
	for _, p := range contexts {
		if cid, ok := p.Int(0); !ok || cid != dataContext {
			continue
		}
		apn := modem.APN{Name: p.Text(2)}
		switch strings.ToUpper(p.Text(1)) {
		case "IP":
			apn.Families = modem.IPv4
		case "IPV6":
			apn.Families = modem.IPv6
		case "IPV4V6":
			apn.Families = modem.IPv4v6
		}
		return apn, true, nil
	}
	return modem.APN{}, false, nil
}

// define gives the data context its APN, families, user and password, and writes
// nothing that is there already: modems keep it in flash memory. A context that is
// in use takes the change when the modem attaches again.
func (h *Host) define(ctx context.Context, apn modem.APN) error {
	have, defined, err := h.defined(ctx)
	if err != nil {
		return err
	}
	same := defined && sameName(have.Name, apn.Name) && (apn.Families == modem.AnyFamily || apn.Families == have.Families)
	authenticated := h.credentials != nil && h.credentials.User == apn.User && h.credentials.Password == apn.Password && h.credentials.Auth == apn.Auth
	if same && authenticated {
		return nil
	}
	anew := false
	if !same || apn.User != "" {
		if anew, err = h.inUse(ctx); err != nil {
			return err
		}
	}
	if anew {
		if err := h.tellSlowly(ctx, networkLimit, "+CGATT", at.Int(0)); fatal(err) {
			return err
		}
	}
	if !same {
		if err := h.writeContext(ctx, apn); err != nil {
			return err
		}
	}
	if !authenticated {
		if err := h.writeCredentials(ctx, apn); err != nil {
			return err
		}
	}
	if anew {
		return h.Attach(ctx)
	}
	return nil
}

// sameName reports whether a context has the APN wanted. Some modems append the
// network that it led to: "internet.mnc001.mcc262.gprs".
func sameName(have, want string) bool {
	have, want = strings.ToLower(have), strings.ToLower(want)
	return have == want || want != "" && strings.HasPrefix(have, want+".mnc") && strings.HasSuffix(have, ".gprs")
}

func (h *Host) writeContext(ctx context.Context, apn modem.APN) error {
	err := h.tell(ctx, "+CGDCONT", at.Int(dataContext), at.Text(families[apn.Families]), at.Text(apn.Name))
	if at.Refused(err) && apn.Families == modem.AnyFamily { // it does not know both in one
		err = h.tell(ctx, "+CGDCONT", at.Int(dataContext), at.Text(families[modem.IPv4]), at.Text(apn.Name))
	}
	return err
}

// writeCredentials gives the context its user and password. That the modem has no
// command for it matters only if there are some.
func (h *Host) writeCredentials(ctx context.Context, apn modem.APN) error {
	command := h.maker.authenticate
	if command == nil {
		command = authenticate
	}
	if apn.User == "" {
		apn.Password, apn.Auth = "", modem.NoAuth
	}
	name, params := command(dataContext, apn)
	err := h.tell(ctx, name, params...)
	if err != nil && h.maker.authenticate != nil && !fatal(err) {
		name, params = authenticate(dataContext, apn)
		err = h.tell(ctx, name, params...)
	}
	if err != nil && (apn.User != "" || fatal(err)) {
		return err
	}
	h.credentials = &apn
	return nil
}

// inUse reports whether the data context is activated.
func (h *Host) inUse(ctx context.Context) (bool, error) {
	contexts, err := h.read(ctx, "+CGACT?", "+CGACT")
	if fatal(err) {
		return false, err
	}
	for _, p := range contexts {
		cid, _ := p.Int(0)
		state, _ := p.Int(1)
		if cid == dataContext && state == 1 {
			return true, nil
		}
	}
	return false, nil
}
