package fit

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/farspoke/farspoke/image/fdt"
)

// Signer signs images.
type Signer interface {
	// Name is what the key is called in the boot loader, where it is shown.
	Name() string
	// Public is the key that belongs in the boot loader, RSA of 2048, 3072 or 4096
	// bits.
	Public() (*rsa.PublicKey, error)
	// Sign returns the RSASSA-PKCS1-v1_5 signature with SHA-256 of a message.
	Sign(message []byte) ([]byte, error)
}

// algorithm is what U-Boot calls signatures by the key.
func algorithm(key *rsa.PublicKey) string { return fmt.Sprintf("sha256,rsa%d", key.N.BitLen()) }

// Trust puts a key into a boot loader's device tree, which then starts only what
// is signed with it.
func Trust(bootLoader *fdt.Node, name string, key *rsa.PublicKey) error {
	bits := key.N.BitLen()
	if bits != 2048 && bits != 3072 && bits != 4096 {
		return fmt.Errorf("a key of %d bits: U-Boot checks signatures of 2048, 3072 and 4096", bits)
	}
	signatures := bootLoader.Child("signature")
	if signatures == nil {
		signatures = bootLoader.Add("signature")
	}
	node := signatures.Add("key-" + name)
	node.SetString("required", "conf")
	node.SetString("algo", algorithm(key))
	node.SetString("key-name-hint", name)
	node.SetCells("rsa,num-bits", uint32(bits))
	// What Montgomery's multiplication needs of the modulus: R = 2^bits, squared,
	// and the inverse of its lowest word.
	word := new(big.Int).Lsh(big.NewInt(1), 32)
	inverse := new(big.Int).ModInverse(key.N, word)
	if inverse == nil {
		return errors.New("the key's modulus is even")
	}
	node.SetCells("rsa,n0-inverse", uint32(new(big.Int).Sub(word, inverse).Uint64()))
	squared := new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(2*bits)), key.N)
	node.Set("rsa,r-squared", squared.FillBytes(make([]byte, bits/8)))
	node.Set("rsa,modulus", key.N.FillBytes(make([]byte, bits/8)))
	node.Set("rsa,exponent", binary.BigEndian.AppendUint64(nil, uint64(key.E)))
	return nil
}

// KeyFile is a Signer with a private key in a file.
type KeyFile struct {
	name string
	key  *rsa.PrivateKey
}

// OpenKeyFile reads a key from a PEM file, PKCS #8 or PKCS #1.
func OpenKeyFile(name, path string) (*KeyFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", path, err)
	}
	return &KeyFile{name, key}, nil
}

func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it holds no PEM")
	}
	if block.Type == "RSA PRIVATE KEY" {
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is %T, want RSA", key)
	}
	return private, nil
}

// Generate writes a new key to a file that only its owner reads, and that is not there
// yet. It appears whole.
func Generate(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return fmt.Errorf("generate a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("generate a signing key: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return fmt.Errorf("write the signing key: %w", err)
	}
	defer os.Remove(file.Name())
	if err := errors.Join(pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), file.Close()); err != nil {
		return fmt.Errorf("write the signing key: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil {
		return fmt.Errorf("write the signing key: %w", err)
	}
	return nil
}

// Name implements Signer.
func (k *KeyFile) Name() string { return k.name }

// Public implements Signer.
func (k *KeyFile) Public() (*rsa.PublicKey, error) { return &k.key.PublicKey, nil }

// Sign implements Signer.
func (k *KeyFile) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, sum[:])
}

// Command is a Signer for a key that this machine does not have: it runs a
// program, which reads the message from its standard input and writes the raw
// signature to its standard output.
type Command struct {
	Context context.Context
	KeyName string
	Key     *rsa.PublicKey
	// Line is given to the shell.
	Line string
}

// OpenPublicKey reads a public key from a PEM file (PKIX).
func OpenPublicKey(path string) (*rsa.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read the public key %s: it holds no PEM", path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the public key %s: %w", path, err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("read the public key %s: it is %T, want RSA", path, key)
	}
	return public, nil
}

// Name implements Signer.
func (c *Command) Name() string { return c.KeyName }

// Public implements Signer.
func (c *Command) Public() (*rsa.PublicKey, error) { return c.Key, nil }

// Sign implements Signer. What the program has written is checked with the key.
func (c *Command) Sign(message []byte) ([]byte, error) {
	cmd := exec.CommandContext(c.Context, "sh", "-c", c.Line)
	cmd.Stdin = bytes.NewReader(message)
	cmd.Stderr = os.Stderr
	signature, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", c.Line, err)
	}
	sum := sha256.Sum256(message)
	if err := rsa.VerifyPKCS1v15(c.Key, crypto.SHA256, sum[:], signature); err != nil {
		return nil, fmt.Errorf("what %q wrote is no signature by the key: %w", c.Line, err)
	}
	return signature, nil
}
