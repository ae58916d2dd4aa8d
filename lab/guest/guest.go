// Package guest builds the two virtual machines of another make that the lab
// measures the box against: the DMVPN hub, and the baseline spoke. Both are
// Debian's strongSwan and FRR on Debian's kernel, started by a shell script of
// a page, with nothing else in the way: the least the same job takes with
// them.
//
// The directories hub and peer hold the files of each as they appear in the
// guest. Each /init prints lines "milestone=<name>" on the console, and serves
// a root shell on the second serial port for the lab to ask questions.
package guest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/rootfs"
)

//go:embed common hub peer
var files embed.FS

// packages are those the programs below and their libraries come from. The
// names are Debian's.
var packages = []string{
	"busybox", "iproute2", "libc6", "libgcc-s1",
	"charon-systemd", "libstrongswan", "libstrongswan-standard-plugins", "strongswan-libcharon", "strongswan-swanctl",
	"frr", "nftables",
	// Libraries.
	"libaudit1", "libbpf1", "libbsd0", "libc-ares2", "libcap-ng0", "libcap2", "libcrypt1", "libedit2", "libelf1",
	"libgcrypt20", "libgmp10", "libgpg-error0", "libjansson4", "libjson-c5", "liblz4-1", "liblzma5", "libmd0", "libmnl0",
	"libnftables1", "libnftnl11", "libpam-modules", "libpam0g", "libpcre2-8-0", "libreadline8", "libssl3", "libsystemd0",
	"libtinfo6", "libxtables12", "libyang2", "libzstd1", "zlib1g",
}

// programs is what of these packages runs in the guests.
var programs = []string{
	"/bin/busybox", "/bin/ip",
	"/usr/sbin/charon-systemd", "/usr/sbin/swanctl",
	"/usr/sbin/nft",
	"/usr/lib/frr/zebra", "/usr/lib/frr/staticd", "/usr/lib/frr/nhrpd", "/usr/bin/vtysh",
	// Opened at run time: no program names them as needed.
	"/lib/aarch64-linux-gnu/libgcc_s.so.1", "/lib/aarch64-linux-gnu/security/pam_permit.so",
}

// plugins is what strongSwan loads: the ciphers the lab's hub accepts and the
// way to the kernel and to swanctl.
var plugins = []string{
	"random", "nonce", "openssl", "hmac", "kdf", "gcm", "aes", "sha1", "sha2",
	"kernel-netlink", "socket-default", "vici",
}

// applets are the commands of busybox the scripts call.
var applets = []string{
	"ash", "cat", "chown", "cut", "dmesg", "echo", "grep", "head", "kill", "killall", "ls", "mkdir", "modprobe", "mount",
	"pidof", "ping", "ps", "reboot", "rm", "sed", "setsid", "sh", "sleep", "stty", "tail", "touch", "udhcpc", "wc",
}

// modules is what the kernel needs for GRE in ESP-in-UDP on virtio network
// cards, and to tell FRR of what it forwards from spoke to spoke.
var modules = []string{
	"virtio_pci", "virtio_net", "ip_gre", "xfrm_user", "esp4",
	"nf_tables", "nft_limit", "nft_log", "nfnetlink_log",
	"authenc", "cbc", "ctr", "gcm", "seqiv", "echainiv", "drbg", "aes_ce_blk", "ghash_ce", "sha1_ce", "sha2_ce", "sha512_arm64",
}

// Image is a bootable guest.
type Image struct {
	// Kernel and Initramfs are the paths of the kernel and of the compressed
	// archive.
	Kernel, Initramfs string
	// Versions are those of the packages it was made of, by name.
	Versions map[string]string
}

// Hub builds the DMVPN hub.
func Hub(ctx context.Context, cache debian.Cache) (Image, error) { return build(ctx, cache, "hub") }

// Peer builds the baseline spoke.
func Peer(ctx context.Context, cache debian.Cache) (Image, error) { return build(ctx, cache, "peer") }

// build returns the image of the cache if it was made of the same things.
func build(ctx context.Context, cache debian.Cache, name string) (Image, error) {
	kernel, err := cache.Kernel(ctx)
	if err != nil {
		return Image{}, err
	}
	debs, err := cache.Packages(ctx, "lab", packages...)
	if err != nil {
		return Image{}, err
	}
	image := Image{Kernel: kernel.Image(), Versions: map[string]string{"linux": kernel.Version}}
	for _, deb := range debs {
		image.Versions[deb.Name] = deb.Version
	}
	recipe, err := digest(kernel, debs, name)
	if err != nil {
		return Image{}, err
	}
	image.Initramfs = cache.Path("lab", name+"-"+recipe+".cpio.zst")
	if _, err := os.Stat(image.Initramfs); err == nil {
		return image, nil
	}
	tree, err := tree(ctx, debs, name)
	if err != nil {
		return Image{}, fmt.Errorf("build the %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(image.Initramfs), 0o755); err != nil {
		return Image{}, err
	}
	// Beside and then in place whole: a build cut short leaves no half image.
	file, err := renameio.NewPendingFile(image.Initramfs, renameio.WithPermissions(0o644))
	if err != nil {
		return Image{}, err
	}
	defer file.Cleanup()
	if err := tree.Write(file, kernel, modules...); err != nil {
		return Image{}, fmt.Errorf("build the %s: %w", name, err)
	}
	return image, file.CloseAtomicallyReplace()
}

// tree puts the guest's files together.
func tree(ctx context.Context, debs []debian.Package, name string) (rootfs.Tree, error) {
	var paths []string
	for _, deb := range debs {
		paths = append(paths, deb.File)
	}
	all, err := rootfs.Unpack(ctx, paths...)
	if err != nil {
		return nil, err
	}
	wanted := append([]string(nil), programs...)
	for _, plugin := range plugins {
		wanted = append(wanted, "/usr/lib/ipsec/plugins/libstrongswan-"+plugin+".so")
	}
	selected, err := all.Select(wanted...)
	if err != nil {
		return nil, err
	}
	for _, applet := range applets {
		selected["usr/bin/"+applet] = rootfs.File{Mode: fs.ModeSymlink, Data: []byte("busybox")}
	}
	// Where the kernel looks for it.
	selected["usr/sbin/modprobe"] = rootfs.File{Mode: fs.ModeSymlink, Data: []byte("../bin/busybox")}
	for _, dir := range []string{"common", name} {
		sub, err := fs.Sub(files, dir)
		if err != nil {
			return nil, err
		}
		if err := selected.Overlay(sub); err != nil {
			return nil, err
		}
	}
	return selected, nil
}

// digest identifies everything an image is made of.
func digest(kernel debian.Kernel, debs []debian.Package, name string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, kernel.SHA256, programs, plugins, applets, modules)
	for _, deb := range debs {
		fmt.Fprintln(sum, deb.Name, deb.SHA256)
	}
	for _, dir := range []string{"common", name} {
		err := fs.WalkDir(files, dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			file, err := files.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			fmt.Fprintln(sum, path)
			_, err = io.Copy(sum, file)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
