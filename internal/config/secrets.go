package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/farspoke/farspoke/internal/nearest"
	"github.com/farspoke/farspoke/internal/secret"
)

// SecretsFile is the name of the file with the secrets. It lies beside the
// configuration, so that the configuration itself can be mailed and kept in
// git.
const SecretsFile = "secrets.yaml"

// Secrets holds the values of secrets by name. A nil Secrets means that they
// are not at hand.
type Secrets map[string]string

// ParseSecrets reads a secrets file: one `name: value` line per secret. Its
// errors quote nothing of it.
func ParseSecrets(name string, data []byte) (Secrets, error) {
	root, src, err := parseYAML(name, data)
	if src != nil {
		src.hidden = true
	}
	if err != nil {
		return nil, err
	}
	d := &decoder{src: src}
	all := Secrets{}
	for k, v := range d.pairs(root, nil) {
		switch {
		case v.Kind != yaml.ScalarNode || v.Anchor != "":
			d.fail(k, []string{k.Value}, "is "+kindName(v)+" where the value of a secret belongs", "write `name: value`, in quotes if it has signs that YAML knows")
		case v.Value == "":
			d.fail(k, []string{k.Value}, "is empty", "write the secret after the colon")
		case v.Tag != "!!str":
			d.fail(k, []string{k.Value}, "is not a text to YAML, and would lose leading zeros or its spelling", "put quotes around the value")
		default:
			all[k.Value] = v.Value
		}
	}
	if err := report(d.errs, d.uncollected); err != nil {
		return nil, err
	}
	return all, nil
}

// ReadSecrets reads the secrets file at path. The file must belong to the
// reader and be closed to everybody else. The error wraps fs.ErrNotExist when
// there is no such file.
func ReadSecrets(path string) (Secrets, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("examine secrets: %w", err)
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return ParseSecrets(path, data)
}

func private(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return whole(path, "is not a plain file", "replace it by a file with `name: value` lines")
	case info.Mode().Perm()&0o077 != 0:
		return whole(path, fmt.Sprintf("others may read the secrets (mode %04o)", info.Mode().Perm()), "run: chmod 600 "+path)
	case ok && int(stat.Uid) != os.Geteuid():
		return whole(path, fmt.Sprintf("the secrets belong to user %d and not to the reader, user %d", stat.Uid, os.Geteuid()),
			fmt.Sprintf("run: chown %d %s", os.Geteuid(), path))
	}
	return nil
}

var (
	typeSecret = reflect.TypeFor[secret.Secret]()
	// secretName keeps a passphrase from being taken for the name of one.
	secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// secret decodes the reference {secret: NAME} into v and gives it its value.
// Whatever else is found in its place may be the secret itself, and is kept
// out of every message.
func (d *decoder) secret(n *yaml.Node, v reflect.Value, path []string) {
	name := find(n, []string{"secret"})
	if len(n.Content) != 2 || !name.whole || name.value.Kind != yaml.ScalarNode || name.value.Tag != "!!str" ||
		name.value.Anchor != "" || name.value.Style&yaml.TaggedStyle != 0 || !secretName.MatchString(name.value.Value) {
		d.src.hide(n)
		d.fail(n, path, "is not the name of a secret, and secrets are not kept in this file",
			"write {secret: NAME} here and `NAME: the value` in the file "+SecretsFile)
		return
	}
	s := v.Addr().Interface().(*secret.Secret)
	s.Name = name.value.Value
	d.used[s.Name] = true
	if d.secrets == nil {
		return
	}
	value, ok := d.secrets[s.Name]
	if !ok {
		fix := fmt.Sprintf("add `%s: …` to it", s.Name)
		if near, ok := nearest.To(s.Name, slices.Sorted(maps.Keys(d.secrets))); ok {
			fix = fmt.Sprintf("write %s, or %s", near, fix)
		}
		d.fail(name.value, path, fmt.Sprintf("the file %s has no secret %s", SecretsFile, s.Name), fix)
		return
	}
	s.Resolve(value)
}

// absent reports whether err says that there is no secrets file.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
