package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/board"
)

// ports gives network devices the names on the case.
type ports struct {
	board  board.Board
	rename func(link, port string) error
	log    *slog.Logger
}

// renameLink renames a link, which has to be down.
func renameLink(link, port string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return fmt.Errorf("find link %s: %w", link, err)
	}
	if err := netlink.LinkSetName(l, port); err != nil {
		return fmt.Errorf("rename link %s to %s: %w", link, port, err)
	}
	return nil
}

// name renames the link with the given path below /sys, such as
// /devices/…/virtio0/net/eth0, if it is a port's and has another name.
func (p ports) name(link string) error {
	device, name, ok := strings.Cut(link, "/net/")
	if !ok {
		return nil
	}
	port, ok := p.board.Port(device)
	if !ok || port == name {
		return nil
	}
	if err := p.rename(name, port); err != nil {
		return err
	}
	p.log.Info("link is a port of the case", "port", port, "was", name)
	return nil
}

// nameAll does so for every link of the kernel. The root of sys is /sys.
func (p ports) nameAll(sys fs.FS) error {
	links, err := fs.ReadDir(sys, "class/net")
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	var errs []error
	for _, link := range links {
		// ../../devices/pci0000:00/0000:00:02.0/virtio0/net/eth0
		target, err := fs.ReadLink(sys, path.Join("class/net", link.Name()))
		if err == nil {
			err = p.name(path.Join("/class/net", target))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
