package qmi

// WCDMASignal is the signal of UMTS: RSSI in dBm, EcIo in -0.5 dB.
type WCDMASignal struct {
	RSSI int8
	EcIo int16
}

func walkWCDMASignal(c *cursor, v *WCDMASignal) {
	u8(c, &v.RSSI)
	u16(c, &v.EcIo)
}

// LTESignal is the signal of LTE: RSSI and RSRP in dBm, RSRQ in dB, SNR in 0.1 dB.
type LTESignal struct {
	RSSI, RSRQ int8
	RSRP, SNR  int16
}

func walkLTESignal(c *cursor, v *LTESignal) {
	u8(c, &v.RSSI)
	u8(c, &v.RSRQ)
	u16(c, &v.RSRP)
	u16(c, &v.SNR)
}

// NR5GSignal is the signal of 5G: RSRP in dBm, SNR in 0.1 dB.
type NR5GSignal struct {
	RSRP, SNR int16
}

func walkNR5GSignal(c *cursor, v *NR5GSignal) {
	u16(c, &v.RSRP)
	u16(c, &v.SNR)
}

// Signal is the signal of each radio interface that has one.
type Signal struct {
	// GSM is the RSSI in dBm.
	GSM   *int8
	WCDMA *WCDMASignal
	LTE   *LTESignal
	NR5G  *NR5GSignal
	// NR5GRSRQ is in dB.
	NR5GRSRQ *int16
}

func (m *Signal) walk(f *fields) {
	optional(f, 0x12, "GSM signal", &m.GSM, u8)
	optional(f, 0x13, "WCDMA signal", &m.WCDMA, walkWCDMASignal)
	optional(f, 0x14, "LTE signal", &m.LTE, walkLTESignal)
	optional(f, 0x17, "5G signal", &m.NR5G, walkNR5GSignal)
	optional(f, 0x18, "RSRQ of 5G", &m.NR5GRSRQ, u16)
}

// GetSignalRequest (GET_SIG_INFO) asks for the signal.
type GetSignalRequest struct{ noFields }

// Kind returns NAS 0x004f request.
func (*GetSignalRequest) Kind() Kind { return Kind{NAS, 0x004f, Request} }

// GetSignalResponse has the signal.
type GetSignalResponse struct {
	Result
	Signal Signal
}

// Kind returns NAS 0x004f response.
func (*GetSignalResponse) Kind() Kind { return Kind{NAS, 0x004f, Response} }

func (m *GetSignalResponse) walk(f *fields) {
	m.Result.walk(f)
	m.Signal.walk(f)
}

// SignalIndication tells the signal when it changes.
type SignalIndication struct {
	Signal Signal
}

// Kind returns NAS 0x0051 indication.
func (*SignalIndication) Kind() Kind { return Kind{NAS, 0x0051, Indication} }

func (m *SignalIndication) walk(f *fields) { m.Signal.walk(f) }

// Band is the radio band in use.
type Band struct {
	Radio RadioInterface
	// Band is Qualcomm's number of it: 120 is LTE band 1, and on from there with
	// gaps.
	Band    uint16
	Channel uint16
}

func walkBand(c *cursor, v *Band) {
	u8(c, &v.Radio)
	u16(c, &v.Band)
	u16(c, &v.Channel)
}

// WideBand is Band with a channel number that has room for those above 65535.
type WideBand struct {
	Radio   RadioInterface
	Band    uint16
	Channel uint32
}

func walkWideBand(c *cursor, v *WideBand) {
	u8(c, &v.Radio)
	u16(c, &v.Band)
	u32(c, &v.Channel)
}

// GetBandsRequest (GET_RF_BAND_INFO) asks for the radio bands in use.
type GetBandsRequest struct{ noFields }

// Kind returns NAS 0x0031 request.
func (*GetBandsRequest) Kind() Kind { return Kind{NAS, 0x0031, Request} }

// GetBandsResponse has the radio bands in use.
type GetBandsResponse struct {
	Result
	Bands []Band
	// Wide is what to prefer where the modem has it.
	Wide *[]WideBand
}

// Kind returns NAS 0x0031 response.
func (*GetBandsResponse) Kind() Kind { return Kind{NAS, 0x0031, Response} }

func (m *GetBandsResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "bands", &m.Bands, func(c *cursor, v *[]Band) { list8(c, v, walkBand) })
	optional(f, 0x11, "wide bands", &m.Wide, func(c *cursor, v *[]WideBand) { list8(c, v, walkWideBand) })
}
