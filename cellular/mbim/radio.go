package mbim

// RadioState is whether the modem may send: both switches must be on.
type RadioState struct {
	Hardware, Software bool
}

func (*RadioState) about() Command   { return CmdRadioState }
func (*RadioState) classes() classes { return reports }

func (m *RadioState) walk(c *cursor) {
	flag(c, &m.Hardware)
	flag(c, &m.Software)
}

// RadioSwitch sets the switch that the host has.
type RadioSwitch struct {
	On bool
}

func (*RadioSwitch) about() Command   { return CmdRadioState }
func (*RadioSwitch) classes() classes { return sets }

func (m *RadioSwitch) walk(c *cursor) { flag(c, &m.On) }

// NetworkIdleHint says that the host expects no traffic.
type NetworkIdleHint struct {
	Enabled bool
}

func (*NetworkIdleHint) about() Command   { return CmdNetworkIdleHint }
func (*NetworkIdleHint) classes() classes { return sets | answers }

func (m *NetworkIdleHint) walk(c *cursor) { flag(c, &m.Enabled) }

// EmergencyMode says whether emergency calls are possible.
type EmergencyMode struct {
	On bool
}

func (*EmergencyMode) about() Command   { return CmdEmergencyMode }
func (*EmergencyMode) classes() classes { return reports }

func (m *EmergencyMode) walk(c *cursor) { flag(c, &m.On) }
