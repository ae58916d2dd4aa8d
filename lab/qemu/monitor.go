package qemu

import (
	"encoding/json"
	"fmt"
	"net"
	"sync"
)

// monitor speaks QMP, QEMU's machine protocol: one JSON object per command, one
// per answer, with events between.
type monitor struct {
	mu      sync.Mutex
	conn    net.Conn
	decoder *json.Decoder
}

func newMonitor(conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, decoder: json.NewDecoder(conn)}
	var greeting struct{ QMP json.RawMessage }
	if err := m.decoder.Decode(&greeting); err != nil {
		return nil, fmt.Errorf("greet QEMU's monitor: %w", err)
	}
	return m, m.execute("qmp_capabilities", nil)
}

// execute sends a command and waits until it is done.
func (m *monitor) execute(command string, arguments map[string]any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	if err := json.NewEncoder(m.conn).Encode(request); err != nil {
		return fmt.Errorf("command QEMU %s: %w", command, err)
	}
	for {
		var answer struct {
			Return json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := m.decoder.Decode(&answer); err != nil {
			return fmt.Errorf("command QEMU %s: %w", command, err)
		}
		switch {
		case answer.Error != nil:
			return fmt.Errorf("command QEMU %s: %s", command, answer.Error.Desc)
		case answer.Return != nil:
			return nil
		}
	}
}
