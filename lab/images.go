package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/lab/guest"
)

// images is what the machines boot.
type images struct {
	Hub, Peer guest.Image
	// Box is our firmware with the toolbox, Release is it without; only the
	// bench needs both.
	Box, Release boxImage
	// Agent is the path of the lab's shell for boxes under test.
	Agent string
}

// imagesFile is the environment variable that names the record of the images
// to the process inside the sandbox: there is no network in there to build
// them from.
const imagesFile = "FARSPOKE_LAB_IMAGES"

// prepareImages builds what of the images is not built yet, records it, and
// tells the processes to come where.
func prepareImages(ctx context.Context, release bool) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
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
	if built.Box, err = buildBox(ctx, root, "virt", true); err != nil {
		return err
	}
	if built.Agent, err = buildAgent(ctx, root); err != nil {
		return err
	}
	if release {
		if built.Release, err = buildBox(ctx, root, "virt-release", false); err != nil {
			return err
		}
	}
	record, err := json.Marshal(built)
	if err != nil {
		return err
	}
	file := filepath.Join(root, "build", "lab", "images.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("record the images: %w", err)
	}
	if err := os.WriteFile(file, record, 0o644); err != nil {
		return fmt.Errorf("record the images: %w", err)
	}
	return os.Setenv(imagesFile, file)
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

// logDir is where the machines' consoles and the daemons' logs are kept for a
// reader who wonders.
func logDir() string { return filepath.Dir(os.Getenv(imagesFile)) }

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
