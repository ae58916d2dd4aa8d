package mbim

// ProviderState is a set of what a network is to the modem.
type ProviderState uint32

// What a network is to the modem.
const (
	ProviderStateUnknown               ProviderState = 0
	ProviderStateHome                  ProviderState = 1 << 0
	ProviderStateForbidden             ProviderState = 1 << 1
	ProviderStatePreferred             ProviderState = 1 << 2
	ProviderStateVisible               ProviderState = 1 << 3
	ProviderStateRegistered            ProviderState = 1 << 4
	ProviderStatePreferredMulticarrier ProviderState = 1 << 5
)

// Provider is a network.
type Provider struct {
	// ID is its number, five or six digits.
	ID            string
	State         ProviderState
	Name          string
	CellularClass CellularClass
	RSSI          RSSI
	ErrorRate     uint32
}

func walkProvider(c *cursor, v *Provider) {
	text(c, &v.ID)
	u32(c, &v.State)
	text(c, &v.Name)
	u32(c, &v.CellularClass)
	u32(c, &v.RSSI)
	u32(c, &v.ErrorRate)
}

// HomeProvider is the SIM's own network.
type HomeProvider struct {
	Provider Provider
}

func (*HomeProvider) about() Command   { return CmdHomeProvider }
func (*HomeProvider) classes() classes { return sets | answers }

func (m *HomeProvider) walk(c *cursor) { walkProvider(c, &m.Provider) }

// PreferredProviders are the networks to look for first.
type PreferredProviders struct {
	Providers []Provider
}

func (*PreferredProviders) about() Command   { return CmdPreferredProviders }
func (*PreferredProviders) classes() classes { return sets | reports }

func (m *PreferredProviders) walk(c *cursor) { list(c, &m.Providers, walkProvider) }

// VisibleProvidersAction is how to look for networks.
type VisibleProvidersAction uint32

// The ways to look for networks.
const (
	VisibleProvidersActionFullScan       VisibleProvidersAction = 0
	VisibleProvidersActionRestrictedScan VisibleProvidersAction = 1
)

// Scan looks for networks, which takes minutes and disturbs data on many modems.
type Scan struct {
	Action VisibleProvidersAction
}

func (*Scan) about() Command   { return CmdVisibleProviders }
func (*Scan) classes() classes { return queries }

func (m *Scan) walk(c *cursor) { u32(c, &m.Action) }

// VisibleProviders are the networks in reach.
type VisibleProviders struct {
	Providers []Provider
}

func (*VisibleProviders) about() Command   { return CmdVisibleProviders }
func (*VisibleProviders) classes() classes { return answers }

func (m *VisibleProviders) walk(c *cursor) { list(c, &m.Providers, walkProvider) }
