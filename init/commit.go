package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/config"
	"github.com/farspoke/farspoke/internal/pid1/disk"
)

// CheckFirewall implements api.Source.
func (s *source) CheckFirewall(name string, text []byte) (firewall.Change, error) {
	next, err := s.parse(name, text)
	if err != nil {
		return firewall.Change{}, err
	}
	return s.box.firewall.Check(next.Firewall, next.Topology())
}

// CommitFirewall implements api.Source. The file on the box is replaced too, so
// that the next router process has the same policy.
func (s *source) CommitFirewall(name string, text []byte) (firewall.Change, error) {
	next, err := s.parse(name, text)
	if err != nil {
		return firewall.Change{}, err
	}
	change, err := s.box.firewall.Commit(next.Firewall, next.Topology(), func() (undo func() error, err error) {
		before, err := os.ReadFile(s.path)
		if err != nil {
			return nil, err
		}
		return func() error { return replaceConfig(s.path, before) }, replaceConfig(s.path, text)
	})
	if err == nil {
		s.box.breakout.Set(next.Exits())
	}
	return change, err
}

// replaceConfig puts another text into the file of the configuration, whole or
// not at all.
func replaceConfig(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return disk.Replace(path, text, info.Mode().Perm())
}

// parse reads a configuration of which only the firewall may differ from the
// running one: all else is applied by starting again.
func (s *source) parse(name string, text []byte) (*config.File, error) {
	if s.box.firewall == nil {
		return nil, errors.New("the running configuration has errors, see show status; mend it and reboot")
	}
	next, err := config.ParseBeside(s.path, name, text)
	if err != nil {
		return nil, err
	}
	if !s.file.SameButFirewall(next) {
		remedy := fmt.Sprintf("put it into %s and reboot", s.path)
		if s.boot.Data == "" {
			remedy = "build an image with it, and start that"
		}
		return nil, fmt.Errorf("%s differs from the running configuration in more than the firewall and the zones; %s", name, remedy)
	}
	return next, nil
}

// Addresses implements api.Source.
func (s *source) Addresses() api.Addresses {
	if s.box.firewall == nil {
		return nil
	}
	return s.box.firewall
}

// FirewallLog implements api.Source.
func (s *source) FirewallLog() []firewall.Logged {
	if s.box.packets == nil {
		return nil
	}
	return s.box.packets.Recent()
}
