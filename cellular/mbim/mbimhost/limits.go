package mbimhost

import (
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
)

const (
	// fragmentGap is how long the next fragment of a message may take (MBIM 1.0,
	// section 9.5).
	fragmentGap = 1250 * time.Millisecond
	// usualLimit is for what the modem knows by itself.
	usualLimit = 10 * time.Second
	// writeLimit is for the port to take a frame.
	writeLimit = 5 * time.Second

	// A modem that starts answers OPEN when it is ready. One whose OPEN got lost does
	// not, so that it is repeated.
	openLimit  = 5 * time.Second
	openBudget = 60 * time.Second
	// probeLimit is for the question whether the modem is open still.
	probeLimit = time.Second
	closeLimit = 2 * time.Second
)

// limits are for what takes the network, the SIM or a search.
var limits = map[mbim.Kind]time.Duration{
	{Command: mbim.CmdConnect, Class: mbim.Set}:                180 * time.Second,
	{Command: mbim.CmdVisibleProviders, Class: mbim.Query}:     300 * time.Second,
	{Command: mbim.CmdRegisterState, Class: mbim.Set}:          120 * time.Second,
	{Command: mbim.CmdPacketService, Class: mbim.Set}:          120 * time.Second,
	{Command: mbim.CmdLTEAttachConfiguration, Class: mbim.Set}: 60 * time.Second,
	{Command: mbim.CmdDeviceSlotMappings, Class: mbim.Set}:     60 * time.Second,
	{Command: mbim.CmdRadioState, Class: mbim.Set}:             30 * time.Second,
	{Command: mbim.CmdPIN, Class: mbim.Set}:                    30 * time.Second,
	{Command: mbim.CmdBaseStationsInfo, Class: mbim.Query}:     30 * time.Second,
}

// disconnectLimit is for the end of a connection.
const disconnectLimit = 120 * time.Second

// limitOf returns how long the answer to m may take.
func limitOf(m mbim.Message) time.Duration {
	if limit, ok := limits[m.Kind()]; ok {
		return limit
	}
	return usualLimit
}
