package handshake

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/lab/sandbox"
)

//go:embed charon
var files embed.FS

// packages are those of charon, of the programs that configure it, and of the
// libraries of both.
var packages = []string{
	"charon-systemd", "libstrongswan", "libstrongswan-standard-plugins", "strongswan-libcharon", "strongswan-swanctl",
	"libc6", "libcap2", "libgcc-s1", "libgcrypt20", "libgpg-error0", "liblz4-1", "liblzma5", "libssl3", "libsystemd0", "libzstd1",
}

// Unpack puts charon and all it needs below dir, a root directory of its own,
// and returns its version. Nothing is installed.
func Unpack(ctx context.Context, cache debian.Cache, dir string) (version string, err error) {
	debs, err := cache.HostPackages(ctx, "charon", packages...)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"run", "var", "usr/lib", "usr/lib64", "usr/sbin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return "", err
		}
	}
	// Debian's merged /usr and /run.
	for name, target := range map[string]string{"lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin", "var/run": "/run"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	for _, deb := range debs {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb.File, dir).CombinedOutput(); err != nil {
			return "", fmt.Errorf("unpack %s: %w\n%s", deb.Name, err, out)
		}
	}
	own, err := fs.Sub(files, "charon")
	if err != nil {
		return "", err
	}
	return debs[0].Version, overlay(dir, own)
}

// overlay writes files over those of packages.
func overlay(dir string, from fs.FS) error {
	return fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), data, 0o644)
	})
}

// Charon is strongSwan's daemon from a root directory that [Unpack] made. It
// accepts every proposal that the figure uses.
func Charon(root, proposal string) Responder {
	return Responder{Name: "charon", Proposal: proposal, start: func(ctx context.Context, ns *sandbox.Namespace, cpu int) (*process, error) {
		socket := filepath.Join(root, "run", "charon.vici")
		if err := os.RemoveAll(socket); err != nil {
			return nil, err
		}
		daemon, err := start(ctx, ns, cpu, root, "/usr/sbin/charon-systemd")
		if err != nil {
			return nil, err
		}
		if err := appears(ctx, socket); err != nil {
			daemon.end()
			return nil, err
		}
		load, err := start(ctx, ns, cpu, root, "/usr/sbin/swanctl", "--load-all", "--noprompt")
		if err == nil {
			err = load.wait()
		}
		if err != nil {
			daemon.end()
			return nil, fmt.Errorf("load its configuration: %w", err)
		}
		return daemon, nil
	}}
}

// startLimit bounds the start of a responder.
const startLimit = 20 * time.Second

// appears waits until a daemon has made its socket.
func appears(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("no %s after %v", socket, startLimit))
	defer cancel()
	for {
		if _, err := os.Stat(socket); err == nil {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
