package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/kmod"
)

// trees are the parts of the kernel's module tree that tests may want, links
// are the network devices that tests make.
var (
	trees = []string{
		"kernel/arch/arm64/crypto/", "kernel/crypto/", "kernel/lib/",
		"kernel/net/core/", "kernel/net/ipv4/", "kernel/net/ipv6/",
		"kernel/net/key/", "kernel/net/netfilter/", "kernel/net/packet/",
		"kernel/net/sched/", "kernel/net/xfrm/", "kernel/net/bridge/", "kernel/net/8021q/",
		"kernel/net/802/", "kernel/net/llc/", "kernel/net/dsa/",
	}
	links = []string{"dummy", "veth", "vrf", "tun", "i6300esb"}
)

// addModules adds those modules, all they depend on, and their index.
func addModules(archive *initramfs.Archive, kernel debian.Kernel) error {
	tree := os.DirFS(kernel.Modules())
	index, err := kmod.ReadIndex(tree)
	if err != nil {
		return err
	}
	names := slices.Clone(links)
	for _, file := range index.Files() {
		if slices.ContainsFunc(trees, func(t string) bool { return strings.HasPrefix(file, t) }) {
			names = append(names, kmod.Name(file))
		}
	}
	files, err := index.Closure(names...)
	if err != nil {
		return fmt.Errorf("choose the VM's modules: %w", err)
	}
	root := path.Join("/lib/modules", kernel.Release)
	for _, file := range files {
		if err := archive.Copy(path.Join(root, file), 0o644, path.Join(kernel.Modules(), file)); err != nil {
			return err
		}
	}
	for name, contents := range index.Subset(files) {
		archive.File(path.Join(root, name), 0o644, contents)
	}
	return nil
}
