// Package checkpoint keeps what a restarted router process cannot read back
// from the kernel: IKE SAs, NHRP registrations, the DHCP lease. Each component
// owns one named record. Records live on a tmpfs that only root reads, so they
// survive the process and not the power: after a power cut the peers have
// forgotten us as well. What must outlast that, as what is known of SIMs, lives in
// a directory of the same kind on the disk.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// suffix ends the file names of records. What renameio leaves of a write that
// was cut short ends otherwise.
const suffix = ".json"

// Dir is a directory of records.
type Dir string

// Open returns the directory at path, created if need be and closed to all but
// its owner.
func Open(path string) (Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("create checkpoint directory: %w", err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return "", fmt.Errorf("close checkpoint directory: %w", err)
	}
	return Dir(path), nil
}

// Save replaces the record of the given name by v as JSON; a json.RawMessage is
// written as it is. A process killed at any moment leaves either the old record
// or the new one, and so does a power cut; after Save it is the new one.
func (d Dir) Save(name string, v any) error {
	data, encoded := v.(json.RawMessage)
	if !encoded {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return fmt.Errorf("encode checkpoint %s: %w", name, err)
		}
	}
	// The directory itself is known to be on the same file system.
	if err := renameio.WriteFile(d.path(name), data, 0o600, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(string(d))); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", name, err)
	}
	if err := d.sync(); err != nil {
		return fmt.Errorf("save checkpoint %s for good: %w", name, err)
	}
	return nil
}

// sync writes the names in the directory to the disk: the file's own sync does not
// bring its new name there.
func (d Dir) sync() error {
	dir, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Load reads the record of the given name into v. It reports false and leaves
// v alone when there is none. A record that cannot be decoded is removed and
// reported once as an error: the component then starts afresh.
func (d Dir) Load(name string, v any) (bool, error) {
	data, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read checkpoint %s: %w", name, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, errors.Join(fmt.Errorf("decode checkpoint %s: %w", name, err), d.Remove(name))
	}
	return true, nil
}

// Names returns the names of all records that begin with prefix.
func (d Dir) Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Remove deletes the record of the given name, if there is one.
func (d Dir) Remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove checkpoint %s: %w", name, err)
	}
	return nil
}

func (d Dir) path(name string) string {
	return filepath.Join(string(d), name+suffix)
}
