package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// dateLayout is how the build date is written into the image.
const dateLayout = time.RFC3339

// source names the sources of a build.
type source struct {
	// version is what git describe says, ending in -dirty if files differ
	// from the commit.
	version string
	// date is that of the commit, not of the build, so that two builds agree.
	date time.Time
}

func sourceVersion(ctx context.Context) (source, error) {
	version, err := git(ctx, "describe", "--always", "--dirty", "--abbrev=12")
	if err != nil {
		return source{}, err
	}
	text, err := git(ctx, "log", "-1", "--format=%cI")
	if err != nil {
		return source{}, err
	}
	date, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return source{}, fmt.Errorf("read the commit's date: %w", err)
	}
	return source{version: version, date: date.UTC()}, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("ask git for the version (git %s): %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
