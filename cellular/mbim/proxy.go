package mbim

// ProxyConfiguration tells mbim-proxy which modem the rest of the conversation is
// with. It answers without contents.
type ProxyConfiguration struct {
	DevicePath string
	// Timeout is how many seconds opening may take.
	Timeout uint32
}

func (*ProxyConfiguration) about() Command   { return CmdProxyConfiguration }
func (*ProxyConfiguration) classes() classes { return sets }

func (m *ProxyConfiguration) walk(c *cursor) {
	text(c, &m.DevicePath)
	u32(c, &m.Timeout)
}

// ProxyVersions is how mbim-proxy tells a client that another has negotiated a
// [Version] with the modem.
type ProxyVersions struct {
	Versions
}

func (*ProxyVersions) about() Command   { return CmdProxyVersion }
func (*ProxyVersions) classes() classes { return indications }
