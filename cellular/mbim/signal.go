package mbim

// RSSI is a received signal strength, coded.
type RSSI uint32

// UnknownRSSI is the strength that is not known.
const UnknownRSSI RSSI = 99

// DBm returns the strength in dBm, and whether it is known.
func (r RSSI) DBm() (int, bool) {
	if r > 31 {
		return 0, false
	}
	return -113 + 2*int(r), true
}

// NewRSSI codes a strength in dBm.
func NewRSSI(dBm int) RSSI { return RSSI(min(max((dBm+113)/2, 0), 31)) }

// RSRP is a reference signal's received power, coded.
type RSRP uint32

// UnknownRSRP is the power that is not known.
const UnknownRSRP RSRP = 0xffffffff

// DBm returns the power in dBm, and whether it is known.
func (r RSRP) DBm() (int, bool) {
	if r > 126 {
		return 0, false
	}
	return int(r) - 157, true
}

// NewRSRP codes a power in dBm.
func NewRSRP(dBm int) RSRP { return RSRP(min(max(dBm+157, 0), 126)) }

// SNR is a signal-to-noise ratio, coded.
type SNR uint32

// UnknownSNR is the ratio that is not known.
const UnknownSNR SNR = 0xffffffff

// DB returns the ratio in dB, and whether it is known.
func (s SNR) DB() (float64, bool) {
	if s > 127 {
		return 0, false
	}
	return float64(s)/2 - 23.5, true
}

// NewSNR codes a ratio in dB.
func NewSNR(dB float64) SNR { return SNR(min(max(2*dB+47, 0), 127)) }

// SetSignal says when the modem is to tell of the signal's strength.
type SetSignal struct {
	// Interval is seconds, 0 for the modem's own.
	Interval uint32
	// The thresholds are by how much a value must have changed, 0 for the modem's own.
	RSSIThreshold, ErrorRateThreshold uint32
}

func (*SetSignal) about() Command   { return CmdSignalState }
func (*SetSignal) classes() classes { return sets }

func (m *SetSignal) walk(c *cursor) {
	u32(c, &m.Interval)
	u32(c, &m.RSSIThreshold)
	u32(c, &m.ErrorRateThreshold)
}

// SignalState is how well the network is heard.
type SignalState struct {
	RSSI                              RSSI
	ErrorRate                         uint32
	Interval                          uint32
	RSSIThreshold, ErrorRateThreshold uint32
	// Technologies has the signal of each LTE or 5G network in use (from [V2]).
	Technologies []TechnologySignal
}

func (*SignalState) about() Command   { return CmdSignalState }
func (*SignalState) classes() classes { return reports }

func (m *SignalState) walk(c *cursor) {
	u32(c, &m.RSSI)
	u32(c, &m.ErrorRate)
	u32(c, &m.Interval)
	u32(c, &m.RSSIThreshold)
	u32(c, &m.ErrorRateThreshold)
	if c.version >= V2 {
		sequence(c, &m.Technologies, walkTechnologySignal)
	}
}

// TechnologySignal is how well the network of one technology is heard.
type TechnologySignal struct {
	RSRP                        RSRP
	SNR                         SNR
	RSRPThreshold, SNRThreshold uint32
	SystemType                  DataClass
}

func walkTechnologySignal(c *cursor, v *TechnologySignal) {
	u32(c, &v.RSRP)
	u32(c, &v.SNR)
	u32(c, &v.RSRPThreshold)
	u32(c, &v.SNRThreshold)
	u32(c, &v.SystemType)
}
