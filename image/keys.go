package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/debian"
)

// developmentKey is the name of the key that a machine makes for itself when it is
// given none. It is shown wherever a box says what it runs.
const developmentKey = bootstate.DevelopmentKey

// keys say what to sign with. The zero keys are the machine's development key.
type keys struct {
	// file is a private key in PEM.
	file string
	// command signs in place of file, and public is its public key in PEM.
	command, public string
}

// signer opens the keys. A key's name is that of its file.
func (k keys) signer(ctx context.Context, cache debian.Cache) (fit.Signer, error) {
	switch {
	case k.file != "" && k.command != "":
		return nil, errors.New("sign with a key's file or with a command, not both")
	case k.command != "":
		if k.public == "" {
			return nil, errors.New("a command that signs needs its public key: -public-key FILE")
		}
		public, err := fit.OpenPublicKey(k.public)
		if err != nil {
			return nil, err
		}
		return checked(&fit.Command{Context: ctx, KeyName: keyName(k.public), Key: public, Line: k.command})
	case k.file != "":
		key, err := fit.OpenKeyFile(keyName(k.file), k.file)
		if err != nil {
			return nil, err
		}
		return checked(key)
	}
	file := cache.Path("keys", developmentKey+".pem")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		progress("a development key, once: " + file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, fmt.Errorf("make a development key: %w", err)
		}
		if err := fit.Generate(file); err != nil && !errors.Is(err, fs.ErrExist) { // another build was faster
			return nil, err
		}
	}
	return fit.OpenKeyFile(developmentKey, file)
}

// checked refuses a key that would pass for the development key, or whose name the
// boot loader cannot put on the kernel's command line.
func checked(s fit.Signer) (fit.Signer, error) {
	name := s.Name()
	if name == developmentKey {
		return nil, fmt.Errorf("the name %q is kept for keys that machines make for themselves: rename the key's file", name)
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
	}
	if name == "" || len(name) > 32 || strings.TrimFunc(name, plain) != "" {
		return nil, fmt.Errorf("a key cannot be called %q: name its file with at most 32 letters, digits and .-_", name)
	}
	return s, nil
}

func keyName(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
