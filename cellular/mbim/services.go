package mbim

// ServiceElement is a service of a modem.
type ServiceElement struct {
	Service UUID
	// DSSPayload says whether the service has data streams of its own, and which way:
	// 1 to the function, 2 to the host, 3 both.
	DSSPayload   uint32
	MaxInstances uint32
	CIDs         []uint32
}

func walkServiceElement(c *cursor, v *ServiceElement) {
	uuid(c, &v.Service)
	u32(c, &v.DSSPayload)
	u32(c, &v.MaxInstances)
	inline(c, &v.CIDs, c.count(len(v.CIDs)), u32)
}

// DeviceServices says which services and commands a modem has.
type DeviceServices struct {
	MaxDSSSessions uint32
	Services       []ServiceElement
}

func (*DeviceServices) about() Command   { return CmdDeviceServices }
func (*DeviceServices) classes() classes { return answers }

func (m *DeviceServices) walk(c *cursor) {
	n := c.count(len(m.Services))
	u32(c, &m.MaxDSSSessions)
	elements(c, &m.Services, n, walkServiceElement)
}

// Has reports whether the modem has the command.
func (m *DeviceServices) Has(command Command) bool {
	for _, s := range m.Services {
		for _, cid := range s.CIDs {
			if command == (Command{s.Service, cid}) {
				return true
			}
		}
	}
	return false
}

// EventEntry is the commands of a service whose indications a host wants.
type EventEntry struct {
	Service UUID
	CIDs    []uint32
}

func walkEventEntry(c *cursor, v *EventEntry) {
	uuid(c, &v.Service)
	inline(c, &v.CIDs, c.count(len(v.CIDs)), u32)
}

// SubscribeList is which indications a host wants beyond those of Basic Connect
// that it gets anyway; the answer is which it gets.
type SubscribeList struct {
	Events []EventEntry
}

func (*SubscribeList) about() Command   { return CmdDeviceServiceSubscribeList }
func (*SubscribeList) classes() classes { return sets | answers }

func (m *SubscribeList) walk(c *cursor) { list(c, &m.Events, walkEventEntry) }
