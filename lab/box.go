package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/initramfs"
)

// siteFiles is the configuration of the lab's branch, the part of a box that an
// engineer writes.
//
//go:embed site
var siteFiles embed.FS

// Site is the content of /etc/farspoke of a box, by file name.
type Site map[string][]byte

// ordinarySite returns the site that fits the lab's hub.
func ordinarySite() Site {
	site := make(Site)
	for _, name := range []string{"farspoke.yaml", "secrets.yaml"} {
		data, err := siteFiles.ReadFile(path.Join("site", name))
		if err != nil {
			panic(err) // it is part of this program
		}
		site[name] = data
	}
	return site
}

// Replace returns the site with a text of one of its files replaced, for a box
// that is set up wrong.
func (s Site) Replace(name, old, new string) Site {
	if !bytes.Contains(s[name], []byte(old)) {
		panic(fmt.Sprintf("%s has no %q to replace", name, old))
	}
	changed := make(Site)
	for file, data := range s {
		changed[file] = data
	}
	changed[name] = bytes.ReplaceAll(s[name], []byte(old), []byte(new))
	return changed
}

// mobile returns the site with a modem in place of the port to the provider.
func (s Site) mobile() Site {
	return s.Replace("farspoke.yaml", "wan: {port: wan, vrf: front, zone: outside, ipv4: {dhcp: true}}", "lte: {modem: m2, vrf: front, zone: outside}")
}

// at returns the site as it is at a branch.
func (s Site) at(b *Branch) Site {
	const ordinary = 17
	if b.number == ordinary {
		return s
	}
	for _, part := range []string{"branch-%d", "172.16.100.%d/", "192.168.%d."} {
		s = s.Replace("farspoke.yaml", fmt.Sprintf(part, ordinary), fmt.Sprintf(part, b.number))
	}
	return s
}

// boxImage is our own firmware as package image builds it.
type boxImage struct {
	// Kernel and Initramfs are paths of files.
	Kernel, Initramfs string
	// Args is the kernel's command line.
	Args []string
	// BinarySize and Size are the lengths of our program, and of kernel and
	// initramfs together, in octets.
	BinarySize, Size int64
	Version          string
}

// buildBox builds the firmware into dir.
func buildBox(ctx context.Context, root, dir string, toolbox bool) (boxImage, error) {
	virt, err := board.Find("virt")
	if err != nil {
		return boxImage{}, err
	}
	cmd := exec.CommandContext(ctx, "go", "run", "./image", "-board", virt.Name, fmt.Sprintf("-toolbox=%t", toolbox), "-o", dir)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return boxImage{}, fmt.Errorf("build the box's image: %w\n%s", err, output)
	}
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return boxImage{}, fmt.Errorf("read the image's manifest: %w", err)
	}
	var manifest struct {
		Version      string
		Parts, Files []struct {
			Name string
			Size int64
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return boxImage{}, fmt.Errorf("read the image's manifest: %w", err)
	}
	image := boxImage{
		Kernel:    filepath.Join(dir, "Image.gz"),
		Initramfs: filepath.Join(dir, "initramfs.cpio.zst"),
		Args:      append([]string{"quiet"}, virt.KernelArgs...),
		Version:   manifest.Version,
	}
	for _, part := range manifest.Parts {
		if part.Name == "binary" {
			image.BinarySize = part.Size
		}
	}
	for _, file := range manifest.Files {
		image.Size += file.Size
	}
	return image, nil
}

// buildAgent builds the lab's shell for the box and returns its path.
func buildAgent(ctx context.Context, root, dir string) (string, error) {
	file := filepath.Join(dir, "agent")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./lab/agent")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, output)
	}
	return file, nil
}

// withSite writes the firmware's initramfs with a site's files behind it, as
// the kernel unpacks it, and returns its path. agent is the path of the lab's
// shell, empty for a box that is as an engineer would have it, and more are the
// paths of further archives.
func (b boxImage) withSite(dir string, site Site, agent string, more ...string) (string, error) {
	firmware, err := os.ReadFile(b.Initramfs)
	if err != nil {
		return "", fmt.Errorf("read the box's image: %w", err)
	}
	var archive initramfs.Archive
	for name, data := range site {
		mode := fs.FileMode(0o644)
		if name == "secrets.yaml" {
			mode = 0o600
		}
		archive.File(path.Join("/etc/farspoke", name), mode, data)
	}
	if agent != "" {
		// What the console's command shell starts.
		if err := archive.Copy("/bin/sh", 0o755, agent); err != nil {
			return "", err
		}
	}
	both := bytes.NewBuffer(firmware)
	align(both)
	if _, err := archive.WriteTo(both); err != nil {
		return "", err
	}
	for _, name := range more {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read an archive for the box: %w", err)
		}
		align(both)
		both.Write(data)
	}
	file := filepath.Join(dir, "box.cpio")
	if err := os.WriteFile(file, both.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("write the box's image: %w", err)
	}
	return file, nil
}

// align lets an uncompressed archive begin where the kernel looks for it, at a
// multiple of four.
func align(archives *bytes.Buffer) {
	for archives.Len()%4 != 0 {
		archives.WriteByte(0)
	}
}
