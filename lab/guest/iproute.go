package guest

import (
	"context"
	"fmt"
	"os"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/rootfs"
)

// iprouteDir is where a box has what IPRoute adds, apart from its own files.
const iprouteDir = "/debian"

// IPRouteCommand is how a box that has IPRoute's archive calls ip.
const IPRouteCommand = iprouteDir + "/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1 --library-path " + iprouteDir + "/usr/lib/aarch64-linux-gnu " + iprouteDir + "/usr/bin/ip"

// IPRoute writes an archive with iproute2's ip and its libraries, for a box to
// which is done by hand what it does by itself.
func IPRoute(ctx context.Context, cache debian.Cache, file string) error {
	debs, err := cache.Packages(ctx, "lab", packages...)
	if err != nil {
		return err
	}
	var paths []string
	for _, deb := range debs {
		paths = append(paths, deb.File)
	}
	all, err := rootfs.Unpack(ctx, paths...)
	if err != nil {
		return err
	}
	tree, err := all.Select("/bin/ip")
	if err != nil {
		return err
	}
	var archive initramfs.Archive
	tree.AddTo(&archive, iprouteDir)
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the archive of ip: %w", err)
	}
	if _, err := archive.WriteTo(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
