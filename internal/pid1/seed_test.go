package pid1

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// fakePool remembers what it was given, and what was on the disk then.
type fakePool struct {
	path         string
	added, saved []byte
	waited       int
	next         byte
}

func (p *fakePool) Add(secret []byte) (err error) {
	p.added = bytes.Clone(secret)
	p.saved, err = os.ReadFile(p.path)
	return err
}

func (p *fakePool) Hasty(b []byte) error {
	p.next++
	copy(b, bytes.Repeat([]byte{p.next}, len(b)))
	return nil
}

func (p *fakePool) Patient(b []byte) error {
	p.waited++
	return p.Hasty(b)
}

// TestSeedPool follows a seed over three starts: the first makes one, and each later
// one uses what the one before left, which is replaced before it counts.
func TestSeedPool(t *testing.T) {
	dir := t.TempDir()
	p := &fakePool{path: filepath.Join(dir, seedFile)}
	if err := seedPool(p, dir); err != nil {
		t.Fatal(err)
	}
	if p.added != nil || p.waited != 1 {
		t.Errorf("the first start adds %x and waits %d times, want nothing and once", p.added, p.waited)
	}
	for range 2 {
		left, err := os.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := seedPool(p, dir); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.added, left) {
			t.Errorf("added %x, want what the start before left, %x", p.added, left)
		}
		if len(p.saved) != seedSize || bytes.Equal(p.saved, left) {
			t.Errorf("%x was added while %x was on the disk, want another seed", left, p.saved)
		}
	}
	if p.waited != 1 {
		t.Errorf("waited %d times, want once in all", p.waited)
	}
	if info, err := os.Stat(p.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the seed's file is %v, %v", info, err)
	}
}

// TestSeedThatIsNone makes a new one of what a power cut may have left.
func TestSeedThatIsNone(t *testing.T) {
	for _, left := range [][]byte{{}, []byte("short"), make([]byte, seedSize+1)} {
		dir := t.TempDir()
		p := &fakePool{path: filepath.Join(dir, seedFile)}
		if err := os.WriteFile(p.path, left, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := seedPool(p, dir); err != nil || p.added != nil {
			t.Errorf("%d octets: added %x, %v", len(left), p.added, err)
		}
		if seed, err := os.ReadFile(p.path); err != nil || len(seed) != seedSize {
			t.Errorf("%d octets: %x is left, %v", len(left), seed, err)
		}
	}
}

// TestSeedIsNotUsedTwice does not add a seed that it could not replace.
func TestSeedIsNotUsedTwice(t *testing.T) {
	dir := t.TempDir()
	p := &fakePool{path: filepath.Join(dir, seedFile)}
	if err := os.WriteFile(p.path, make([]byte, seedSize), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := seedPool(full{p}, dir); err == nil || p.added != nil {
		t.Errorf("added %x, %v", p.added, err)
	}
}

// full is a pool that takes the disk away before it can be written.
type full struct{ *fakePool }

func (f full) Hasty(b []byte) error {
	return errors.Join(f.fakePool.Hasty(b), os.RemoveAll(filepath.Dir(f.path)))
}
