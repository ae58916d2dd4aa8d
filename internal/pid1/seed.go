package pid1

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/pid1/disk"
)

// A box has few sources of chance, and the kernel lets whoever makes a key wait
// until it has gathered enough: at each start, for a second or two in QEMU without
// KVM. So each start leaves a secret for the next one on the data partition, as
// systemd-random-seed does.
//
// A seed counts as chance once. Its successor is on the disk before it is used, so
// that no power cut brings it back, and does not tell what it was. The image of a disk
// has none: only copies of a disk that has started would begin alike.

// seedSize is the length of a seed, in octets.
const seedSize = 32

// seedFile is where the seed is, below the data partition.
const seedFile = "random-seed"

// pool is the kernel's random numbers.
type pool interface {
	// Add mixes a secret in and counts it as chance.
	Add(secret []byte) error
	// Hasty fills b with random numbers, good ones or not.
	Hasty(b []byte) error
	// Patient fills b with good random numbers, when there are some.
	Patient(b []byte) error
}

// seedPool gives the pool the seed in a directory, and leaves another there. Without
// one it waits for good random numbers and leaves the first.
func seedPool(p pool, dir string) error {
	path := filepath.Join(dir, seedFile)
	seed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(seed) != seedSize {
		return firstSeed(p, path)
	}
	if err != nil {
		return fmt.Errorf("read seed of random numbers: %w", err)
	}
	fresh := make([]byte, seedSize)
	if err := p.Hasty(fresh); err != nil {
		return fmt.Errorf("make seed of random numbers: %w", err)
	}
	next := sha256.Sum256(append([]byte("farspoke: the seed after this"), append(seed, fresh...)...))
	if err := saveSeed(path, next[:]); err != nil {
		return err
	}
	return p.Add(seed)
}

// firstSeed leaves a seed for the first time.
func firstSeed(p pool, path string) error {
	seed := make([]byte, seedSize)
	if err := p.Patient(seed); err != nil {
		return fmt.Errorf("make seed of random numbers: %w", err)
	}
	return saveSeed(path, seed)
}

// saveSeed replaces the seed. When it returns, the one before is gone.
func saveSeed(path string, seed []byte) error {
	if err := disk.Replace(path, seed, 0o600); err != nil {
		return fmt.Errorf("keep seed of random numbers: %w", err)
	}
	return nil
}

// kernelPool is the pool of the running kernel.
type kernelPool struct{}

// Add implements pool.
func (kernelPool) Add(secret []byte) error {
	device, err := os.OpenFile("/dev/random", os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("add to the random numbers: %w", err)
	}
	defer device.Close()
	// struct rand_pool_info of linux/random.h: bits, octets, the octets.
	info := binary.NativeEndian.AppendUint32(nil, uint32(8*len(secret)))
	info = binary.NativeEndian.AppendUint32(info, uint32(len(secret)))
	info = append(info, secret...)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, device.Fd(), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&info[0]))); errno != 0 {
		return fmt.Errorf("add to the random numbers: %w", errno)
	}
	return nil
}

// Hasty implements pool.
func (kernelPool) Hasty(b []byte) error { return getrandom(b, unix.GRND_INSECURE) }

// Patient implements pool.
func (kernelPool) Patient(b []byte) error { return getrandom(b, 0) }

func getrandom(b []byte, flags int) error {
	for {
		// So few octets come all at once or not at all.
		_, err := unix.Getrandom(b, flags)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
