package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/lab/guest"
	"github.com/farspoke/farspoke/lab/handshake"
)

// images is what the machines boot.
type images struct {
	Hub, Peer guest.Image
	// Box is our firmware with the toolbox, Release is it without; only the
	// bench needs both.
	Box, Release boxImage
	// Agent is the path of the lab's shell for boxes under test.
	Agent string
	// Disk is our firmware on a disk, with the site that it was asked for.
	Disk diskImage
	// IPRoute is the path of an archive with ip for the box, and Charon that of a
	// root directory with strongSwan's for this machine, of CharonVersion. Only
	// the bench needs them.
	IPRoute, Charon, CharonVersion string
	// Interop is the tests of IKEv2 with other makes, and Firewall the benchmarks
	// of the firewall, in a virtual machine whose clock counts instructions. Only
	// the bench needs them.
	Interop, Firewall vmTest
	// Cellular is the benchmarks of modems beside ModemManager. Only the bench needs
	// them.
	Cellular vmTest
	// Client is the path of the Next Hop Client's benchmarks. Only the bench needs
	// them.
	Client string
}

// The environment tells the process inside the sandbox where the record of the
// images is, since there is no network in there to build them from, and where
// the machines' consoles and the daemons' logs are kept for a reader who
// wonders.
const (
	imagesFile = "FARSPOKE_LAB_IMAGES"
	logDir     = "FARSPOKE_LAB_LOGS"
)

// need is what a run needs besides the hub, the peer and the box.
type need struct {
	bench bool
	// disk is the site of a box on a disk, nil for none.
	disk Site
}

// prepareImages builds what of the images is not built yet and tells the
// processes to come where. What was built of our own sources is this run's
// alone, since they may change under it, and is removed by the returned
// function.
func prepareImages(ctx context.Context, want need) (remove func(), err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(root, "build", "lab")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, fmt.Errorf("create a directory for the lab: %w", err)
	}
	dir, err := os.MkdirTemp(logs, "images-*")
	if err != nil {
		return nil, fmt.Errorf("create a directory for the images: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	if err := buildImages(ctx, root, dir, want); err != nil {
		remove()
		return nil, err
	}
	return remove, errors.Join(os.Setenv(imagesFile, filepath.Join(dir, "images.json")), os.Setenv(logDir, logs))
}

// buildImages builds the images, ours into dir, and records them there.
func buildImages(ctx context.Context, root, dir string, want need) error {
	cache, err := debian.UserCache()
	if err != nil {
		return err
	}
	var built images
	if built.Hub, err = guest.Hub(ctx, cache); err != nil {
		return err
	}
	if built.Peer, err = guest.Peer(ctx, cache); err != nil {
		return err
	}
	if built.Agent, err = buildAgent(ctx, root, dir); err != nil {
		return err
	}
	if built.Box, err = buildBox(ctx, root, filepath.Join(dir, "box"), true); err != nil {
		return err
	}
	if want.disk != nil {
		if built.Disk, err = buildDisk(ctx, root, filepath.Join(dir, "disk"), want.disk); err != nil {
			return err
		}
	}
	if want.bench {
		if err := buildForBench(ctx, cache, root, dir, &built); err != nil {
			return err
		}
	}
	record, err := json.Marshal(built)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "images.json"), record, 0o644); err != nil {
		return fmt.Errorf("record the images: %w", err)
	}
	return nil
}

// buildForBench builds what only the bench needs.
func buildForBench(ctx context.Context, cache debian.Cache, root, dir string, built *images) (err error) {
	if built.Release, err = buildBox(ctx, root, filepath.Join(dir, "release"), false); err != nil {
		return err
	}
	built.IPRoute = filepath.Join(dir, "iproute.cpio")
	if err := guest.IPRoute(ctx, cache, built.IPRoute); err != nil {
		return err
	}
	built.Charon = filepath.Join(dir, "charon")
	if built.CharonVersion, err = handshake.Unpack(ctx, cache, built.Charon); err != nil {
		return err
	}
	if err := buildClient(ctx, root, dir, built); err != nil {
		return err
	}
	vm, err := buildVM(ctx, root, dir)
	if err != nil {
		return err
	}
	if built.Interop, err = buildVMTest(ctx, root, dir, interopDir, vm); err != nil {
		return err
	}
	if built.Cellular, err = buildVMTest(ctx, root, dir, cellularDir, vm); err != nil {
		return err
	}
	built.Firewall, err = buildVMTest(ctx, root, dir, firewallDir, vm)
	built.Firewall.Flags = []string{"-icount"}
	return err
}

// loadImages reads the record, inside the sandbox.
func loadImages() (images, error) {
	record, err := os.ReadFile(os.Getenv(imagesFile))
	if err != nil {
		return images{}, fmt.Errorf("read the record of the images: %w", err)
	}
	var built images
	if err := json.Unmarshal(record, &built); err != nil {
		return images{}, fmt.Errorf("read the record of the images: %w", err)
	}
	return built, nil
}

// logFile returns the path of a log.
func logFile(name string) string { return filepath.Join(os.Getenv(logDir), name+".log") }

// moduleRoot returns the directory of go.mod, at or above the current one.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the project: no go.mod here or above; run the lab in the project's directory")
		}
		dir = parent
	}
}
