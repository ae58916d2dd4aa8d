//go:build vm

package interop

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// TestModemManager: it finds the modem, is told why the network refuses it, connects
// it, reads back what the modem holds, and notices when the network ends the
// connection and when the modem goes. There is another ModemManager for each modem: when
// one has gone it makes what may be left of it a modem again, in its own time.
func TestModemManager(t *testing.T) {
	fragmented := quick()
	fragmented.Device.ControlMessage = 128
	for _, row := range []struct {
		name     string
		profile  usb.Profile
		scenario virtual.Scenario
		quality  string
	}{
		{"MBIM in fragments", usb.MBIM, fragmented, "74"},
		{"QMI", usb.QMI, quick(), "75"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := startManager(t)
			e := plugIn(t, row.profile, row.scenario)
			object := m.appears(t, 0)

			e.refuse(t, 33)
			said, ok := direct(t, "-m", object, simpleConnect)
			if ok || !strings.Contains(said, "Requested service option not subscribed") {
				t.Errorf("a connection that is refused: %s", said)
			}
			e.refuse(t, 0)
			connect(t, object)
			checkModem(t, object, e, row.quality)
			if row.profile == usb.QMI { // by MBIM this version asks for no more than the quality
				checkSignal(t, object)
			}
			checkBearer(t, object, e)

			e.Modem.Do(func() { must(t, e.Modem.Drop(0, 36)) })
			eventually(t, "the end of the connection", func() bool {
				return show(t, "-m", object)["modem.generic.state"] == "registered"
			})
			e.unplug(t)
			m.monitor.await(t, 0, "(-)")
		})
	}
}

// checkModem compares what ModemManager tells of modem and SIM with what they are.
func checkModem(t *testing.T, object string, e emulated, quality string) {
	t.Helper()
	device, sim, network := e.Modem.Device(), quick().Slots[0].SIM, quick().Networks[0]
	demand(t, func() properties { return show(t, "-m", object) }, properties{
		"modem.generic.state":                        "connected",
		"modem.generic.equipment-identifier":         device.IMEI,
		"modem.3gpp.imei":                            device.IMEI,
		"modem.generic.revision":                     device.Firmware,
		"modem.3gpp.registration-state":              "home",
		"modem.3gpp.operator-code":                   network.PLMN,
		"modem.3gpp.operator-name":                   network.Name,
		"modem.3gpp.packet-service-state":            "attached",
		"modem.generic.access-technologies.value[1]": "lte",
		"modem.generic.signal-quality.value":         quality,
		"modem.generic.power-state":                  "on",
		"modem.generic.primary-port":                 "cdc-wdm0",
		"modem.generic.sim-slots.length":             "2",
	})
	card := show(t, "-m", object)["modem.generic.sim"]
	demand(t, func() properties { return show(t, "-i", card) }, properties{
		"sim.properties.iccid": sim.ICCID, "sim.properties.imsi": sim.IMSI,
		"sim.properties.operator-code": network.PLMN, "sim.properties.operator-name": sim.Provider,
	})
}

// checkSignal compares how well the network is heard with what there is to hear.
func checkSignal(t *testing.T, object string) {
	t.Helper()
	if said, ok := direct(t, "-m", object, "--signal-setup=5"); !ok {
		t.Fatalf("the signal is not asked for: %s", said)
	}
	demand(t, func() properties { return show(t, "-m", object, "--signal-get") }, properties{
		"modem.signal.lte.rssi": "-67.00", "modem.signal.lte.rsrp": "-97.00", "modem.signal.lte.rsrq": "-11.00", "modem.signal.lte.snr": "12.00",
	})
}

// checkBearer compares the connection with what the network has given.
func checkBearer(t *testing.T, object string, e emulated) {
	t.Helper()
	c := e.granted(t)
	bearer := bearerOf(t, object)
	demand(t, func() properties { return show(t, "-b", bearer) }, properties{
		"bearer.status.connected": "yes", "bearer.status.interface": "wwan0",
		"bearer.ipv4-config.method": "static", "bearer.ipv4-config.address": c.Address4.Addr().String(),
		"bearer.ipv4-config.gateway": c.Gateway4.String(), "bearer.ipv4-config.mtu": "1430",
		"bearer.ipv4-config.dns.value[1]": c.DNS[0].String(),
		"bearer.ipv6-config.address":      c.Address6.Addr().String(), "bearer.ipv6-config.prefix": "64",
		"bearer.ipv6-config.gateway": c.Gateway6.String(), "bearer.ipv6-config.mtu": "1430",
		"bearer.ipv6-config.dns.value[1]": c.DNS[1].String(),
	})
}

// refuse has the network refuse connections for a cause, or take them again.
func (m emulated) refuse(t *testing.T, cause modem.SessionCause) {
	t.Helper()
	m.Modem.Do(func() { must(t, m.Modem.ChangeAPN("", "internet", func(a *virtual.APN) { a.Refuse = cause })) })
}
