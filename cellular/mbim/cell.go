package mbim

// What is not known of a cell: a number, LTE's RSRP and RSRQ (and the RSCP of
// TD-SCDMA), and UMTS's RSCP and Ec/No.
const (
	UnknownCell       = 0xffffffff
	UnknownCellSignal = -1
	UnknownRSCP       = 0
	UnknownEcNo       = 1
)

// LocationInfo is where the modem is registered.
type LocationInfo struct {
	LocationAreaCode, TrackingAreaCode, CellID uint32
}

func (*LocationInfo) about() Command   { return CmdLocationInfoStatus }
func (*LocationInfo) classes() classes { return reports }

func (m *LocationInfo) walk(c *cursor) {
	u32(c, &m.LocationAreaCode)
	u32(c, &m.TrackingAreaCode)
	u32(c, &m.CellID)
}

// BaseStationsQuery asks for the cells in reach, and for how many neighbours of
// each technology at most.
type BaseStationsQuery struct {
	MaxGSM, MaxUMTS, MaxTDSCDMA, MaxLTE, MaxCDMA uint32
}

func (*BaseStationsQuery) about() Command   { return CmdBaseStationsInfo }
func (*BaseStationsQuery) classes() classes { return queries }

func (m *BaseStationsQuery) walk(c *cursor) {
	u32(c, &m.MaxGSM)
	u32(c, &m.MaxUMTS)
	u32(c, &m.MaxTDSCDMA)
	u32(c, &m.MaxLTE)
	u32(c, &m.MaxCDMA)
}

// BaseStations are the cells in reach: at most one serving cell, and its
// neighbours.
type BaseStations struct {
	SystemType        DataClass
	GSM               *GSMCell
	UMTS              *UMTSCell
	TDSCDMA           *TDSCDMACell
	LTE               *LTECell
	GSMNeighbours     []GSMNeighbour
	UMTSNeighbours    []UMTSNeighbour
	TDSCDMANeighbours []TDSCDMACell
	LTENeighbours     []LTENeighbour
	CDMA              []CDMACell
}

func (*BaseStations) about() Command   { return CmdBaseStationsInfo }
func (*BaseStations) classes() classes { return answers }

func (m *BaseStations) walk(c *cursor) {
	u32(c, &m.SystemType)
	optional(c, &m.GSM, walkGSMCell)
	optional(c, &m.UMTS, walkUMTSCell)
	optional(c, &m.TDSCDMA, walkTDSCDMACell)
	optional(c, &m.LTE, walkLTECell)
	sequence(c, &m.GSMNeighbours, walkGSMNeighbour)
	sequence(c, &m.UMTSNeighbours, walkUMTSNeighbour)
	sequence(c, &m.TDSCDMANeighbours, walkTDSCDMACell)
	sequence(c, &m.LTENeighbours, walkLTENeighbour)
	sequence(c, &m.CDMA, walkCDMACell)
}

// GSMCell is the serving cell of GSM.
type GSMCell struct {
	ProviderID               string
	LocationAreaCode, CellID uint32
	TimingAdvance            uint32
	ARFCN, BaseStationID     uint32
	RxLevel                  uint32
}

func walkGSMCell(c *cursor, v *GSMCell) {
	text(c, &v.ProviderID)
	u32(c, &v.LocationAreaCode)
	u32(c, &v.CellID)
	u32(c, &v.TimingAdvance)
	u32(c, &v.ARFCN)
	u32(c, &v.BaseStationID)
	u32(c, &v.RxLevel)
}

// GSMNeighbour is another cell of GSM.
type GSMNeighbour struct {
	ProviderID               string
	LocationAreaCode, CellID uint32
	ARFCN, BaseStationID     uint32
	RxLevel                  uint32
}

func walkGSMNeighbour(c *cursor, v *GSMNeighbour) {
	text(c, &v.ProviderID)
	u32(c, &v.LocationAreaCode)
	u32(c, &v.CellID)
	u32(c, &v.ARFCN)
	u32(c, &v.BaseStationID)
	u32(c, &v.RxLevel)
}

// UMTSCell is the serving cell of UMTS. RSCP is in dBm, EcNo in dB.
type UMTSCell struct {
	ProviderID                                  string
	LocationAreaCode, CellID                    uint32
	FrequencyUplink, FrequencyDownlink, Network uint32
	UARFCN, PrimaryScramblingCode               uint32
	RSCP, EcNo                                  int32
	PathLoss                                    uint32
}

func walkUMTSCell(c *cursor, v *UMTSCell) {
	text(c, &v.ProviderID)
	u32(c, &v.LocationAreaCode)
	u32(c, &v.CellID)
	u32(c, &v.FrequencyUplink)
	u32(c, &v.FrequencyDownlink)
	u32(c, &v.Network)
	u32(c, &v.UARFCN)
	u32(c, &v.PrimaryScramblingCode)
	u32(c, &v.RSCP)
	u32(c, &v.EcNo)
	u32(c, &v.PathLoss)
}

// UMTSNeighbour is another cell of UMTS.
type UMTSNeighbour struct {
	ProviderID                    string
	LocationAreaCode, CellID      uint32
	UARFCN, PrimaryScramblingCode uint32
	RSCP, EcNo                    int32
	PathLoss                      uint32
}

func walkUMTSNeighbour(c *cursor, v *UMTSNeighbour) {
	text(c, &v.ProviderID)
	u32(c, &v.LocationAreaCode)
	u32(c, &v.CellID)
	u32(c, &v.UARFCN)
	u32(c, &v.PrimaryScramblingCode)
	u32(c, &v.RSCP)
	u32(c, &v.EcNo)
	u32(c, &v.PathLoss)
}

// TDSCDMACell is a cell of TD-SCDMA.
type TDSCDMACell struct {
	ProviderID               string
	LocationAreaCode, CellID uint32
	UARFCN, ParameterID      uint32
	TimingAdvance            uint32
	RSCP                     int32
	PathLoss                 uint32
}

func walkTDSCDMACell(c *cursor, v *TDSCDMACell) {
	text(c, &v.ProviderID)
	u32(c, &v.LocationAreaCode)
	u32(c, &v.CellID)
	u32(c, &v.UARFCN)
	u32(c, &v.ParameterID)
	u32(c, &v.TimingAdvance)
	u32(c, &v.RSCP)
	u32(c, &v.PathLoss)
}

// LTECell is the serving cell of LTE. RSRP is in dBm, RSRQ in dB.
type LTECell struct {
	ProviderID                 string
	CellID, EARFCN, PhysicalID uint32
	TrackingAreaCode           uint32
	RSRP, RSRQ                 int32
	TimingAdvance              uint32
}

func walkLTECell(c *cursor, v *LTECell) {
	text(c, &v.ProviderID)
	u32(c, &v.CellID)
	u32(c, &v.EARFCN)
	u32(c, &v.PhysicalID)
	u32(c, &v.TrackingAreaCode)
	u32(c, &v.RSRP)
	u32(c, &v.RSRQ)
	u32(c, &v.TimingAdvance)
}

// LTENeighbour is another cell of LTE.
type LTENeighbour struct {
	ProviderID                 string
	CellID, EARFCN, PhysicalID uint32
	TrackingAreaCode           uint32
	RSRP, RSRQ                 int32
}

func walkLTENeighbour(c *cursor, v *LTENeighbour) {
	text(c, &v.ProviderID)
	u32(c, &v.CellID)
	u32(c, &v.EARFCN)
	u32(c, &v.PhysicalID)
	u32(c, &v.TrackingAreaCode)
	u32(c, &v.RSRP)
	u32(c, &v.RSRQ)
}

// CDMACell is a cell of CDMA.
type CDMACell struct {
	Serving                                bool
	NetworkID, SystemID, BaseStationID     uint32
	Latitude, Longitude, RefPN, GPSSeconds uint32
	PilotStrength                          uint32
}

func walkCDMACell(c *cursor, v *CDMACell) {
	flag(c, &v.Serving)
	u32(c, &v.NetworkID)
	u32(c, &v.SystemID)
	u32(c, &v.BaseStationID)
	u32(c, &v.Latitude)
	u32(c, &v.Longitude)
	u32(c, &v.RefPN)
	u32(c, &v.GPSSeconds)
	u32(c, &v.PilotStrength)
}
