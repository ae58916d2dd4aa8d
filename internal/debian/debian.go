// Package debian fetches packages from Debian's archive, for the boards' arm64
// unless it says otherwise, through an apt state of its own, so that the apt and dpkg configuration of the machine
// it runs on stays as it is, and so that a machine of any architecture, Debian
// or Ubuntu, gets the same packages. apt checks every package against the
// archive's signature; the keyring is Debian's, from the package
// debian-archive-keyring.
package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Suite is the Debian release that everything comes from but firmware (firmwareSource).
const Suite = "bookworm"

// Keyring verifies the archive.
const Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Sources are the lines of sources.list.
var Sources = []string{
	"deb [signed-by=" + Keyring + "] http://deb.debian.org/debian " + Suite + " main",
	"deb [signed-by=" + Keyring + "] http://deb.debian.org/debian-security " + Suite + "-security main",
}

// firmwareSource is where the firmware comes from that boards want before U-Boot and
// that nobody can build. It changes with the boards and not with the release, so it is
// that of Debian's next one. Like a release, it is taken whatever its age.
const firmwareSource = "deb [check-valid-until=no signed-by=" + Keyring + "] http://deb.debian.org/debian forky non-free-firmware"

// Cache is a directory that keeps what was fetched between builds.
type Cache string

// UserCache returns the cache of this user, $XDG_CACHE_HOME/farspoke.
func UserCache() (Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	return Cache(filepath.Join(dir, "farspoke")), nil
}

// Path returns the path of a file in the cache.
func (c Cache) Path(elem ...string) string {
	return filepath.Join(append([]string{string(c)}, elem...)...)
}

// boardArch is the architecture of the boards, in Debian's words and in Go's.
const boardArch = "arm64"

// sourceArch is what Debian calls the architecture of source packages, and
// firmwareArch what we call that of packages from firmwareSource.
const (
	sourceArch   = "source"
	firmwareArch = "firmware"
)

// apt runs one of apt's programs on the cache's own state for an architecture
// and returns its standard output. Lists that cannot be fetched are an error.
func (c Cache) apt(ctx context.Context, arch, dir, program string, args ...string) ([]byte, error) {
	config, err := c.writeConfig(arch)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+config, "LC_ALL=C")
	// If this build is killed, apt must not hold its lock against the next one.
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// writeConfig lays out apt's directories for an architecture and returns the
// path of apt.conf.
func (c Cache) writeConfig(arch string) (string, error) {
	if _, err := os.Stat(Keyring); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is missing: install the package debian-archive-keyring", Keyring)
	}
	root := c.Path("apt")
	if arch != boardArch {
		root += "-" + arch
	}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return "", fmt.Errorf("lay out apt state: %w", err)
		}
	}
	sources, packages := strings.Join(Sources, "\n")+"\n", arch
	switch arch {
	case sourceArch:
		sources, packages = strings.ReplaceAll(sources, "deb [", "deb-src ["), boardArch
	case firmwareArch:
		sources, packages = firmwareSource+"\n", boardArch
	}
	config := fmt.Sprintf(`Dir %[1]q;
Dir::State "state";
Dir::State::status %[2]q;
Dir::Cache "cache";
Dir::Etc "etc";
APT::Architecture %[3]q;
APT::Architectures { %[3]q; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "0";
APT::Update::Error-Mode "any";
`, root, filepath.Join(root, "state/status"), packages)
	for name, text := range map[string]string{
		"state/status":     "",
		"etc/sources.list": sources,
		"apt.conf":         config,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("lay out apt state: %w", err)
		}
	}
	return filepath.Join(root, "apt.conf"), nil
}
