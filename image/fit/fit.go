// Package fit writes FIT images, which is what U-Boot starts: a kernel, an
// initramfs and the device trees of boards in one device tree, with a
// configuration for each board and a signature over each configuration. The same
// contents and the same key give the same octets.
//
// U-Boot unpacks the kernel to the address that its image in the tree names, and
// the memory of boards begins at different ones. So there is an image for each
// address, and the kernel's octets are there once: each of these images says at
// which position in the whole they begin.
//
// A signature covers the configuration's properties, the kernel's command line
// among them, the properties of the images that it names, and so the SHA-256 of
// their contents. It does not cover other configurations.
//
// Source: U-Boot 2023.01, doc/uImage.FIT (source_file_format.txt, signature.txt).
package fit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/farspoke/farspoke/image/fdt"
)

// ArgsProperty is the property of a configuration that holds the kernel's
// command line. It is ours: U-Boot's script reads it.
const ArgsProperty = "farspoke,bootargs"

// Image is what a box starts from.
type Image struct {
	// Description is for people, such as the firmware's version.
	Description string
	// Date is that of the sources.
	Date time.Time
	// Kernel is an arm64 Image, gzip-compressed; Initramfs is of any compression
	// that the kernel knows.
	Kernel, Initramfs []byte
	// Boards are what one image starts on.
	Boards []Board
}

// Board is what differs between boards.
type Board struct {
	// Name is the configuration's.
	Name string
	// Load is the physical address at which the unpacked kernel lies and starts.
	Load uint32
	// DeviceTree is a blob, and Args the kernel's command line.
	DeviceTree []byte
	Args       string
}

const (
	imagesNode         = "images"
	configurationsNode = "configurations"
	kernelNode         = "kernel" // holds the octets; its images are called kernel-ADDRESS
	initramfsNode      = "initramfs"
	hashNode           = "hash-1"
	signatureNode      = "signature-1"
)

// unsignedProperties are excluded from what a signature covers: the contents are
// covered by their hash.
var unsignedProperties = []string{"data", "data-size", "data-position", "data-offset"}

// Unsigned returns the image without signatures, which our U-Boot refuses.
func Unsigned(image Image) []byte { return fdt.Marshal(tree(image)) }

// Sign returns the image with every configuration signed.
func Sign(image Image, signer Signer) ([]byte, error) {
	root := tree(image)
	configurations := root.Child(configurationsNode)
	key, err := signer.Public()
	if err != nil {
		return nil, err
	}
	for _, c := range configurations.Children {
		s := c.Add(signatureNode)
		s.SetString("algo", algorithm(key))
		s.SetString("key-name-hint", signer.Name())
		// Both have their length from here on, and no other string comes after.
		s.Set("value", make([]byte, key.Size()))
		s.SetCells("hashed-strings", 0, 0)
	}
	names := fdt.Names(root)
	for _, c := range configurations.Children {
		c.Child(signatureNode).SetCells("hashed-strings", 0, uint32(len(names.Block())))
		signature, err := signer.Sign(signedOctets(root, names, c))
		if err != nil {
			return nil, fmt.Errorf("sign configuration %s: %w", c.Name, err)
		}
		if len(signature) != key.Size() {
			return nil, fmt.Errorf("sign configuration %s: the signature has %d octets, want %d", c.Name, len(signature), key.Size())
		}
		c.Child(signatureNode).Set("value", signature)
	}
	return fdt.Marshal(root), nil
}

func tree(image Image) *fdt.Node {
	root := &fdt.Node{}
	root.SetCells("timestamp", uint32(image.Date.Unix()))
	root.SetString("description", image.Description)
	root.SetCells("#address-cells", 1)
	root.Add(kernelNode).Set("data", image.Kernel)
	images := root.Add(imagesNode)
	initramfs := add(images, initramfsNode, "ramdisk", image.Initramfs)
	initramfs.Set("data", image.Initramfs)
	initramfs.SetString("os", "linux")
	initramfs.SetString("compression", "none") // for U-Boot: the kernel unpacks it
	configurations := root.Add(configurationsNode)
	for _, b := range image.Boards {
		tree := add(images, "fdt-"+b.Name, "flat_dt", b.DeviceTree)
		tree.Set("data", b.DeviceTree)
		tree.SetString("compression", "none")
		c := configurations.Add(b.Name)
		c.SetString("description", image.Description)
		c.SetString("kernel", addKernel(root, images, image.Kernel, b.Load))
		c.SetString("ramdisk", initramfsNode)
		c.SetString("fdt", tree.Name)
		c.SetString(ArgsProperty, b.Args)
	}
	return root
}

// addKernel adds the image of a kernel that is unpacked to an address, unless it is
// there, and returns its name.
func addKernel(root, images *fdt.Node, data []byte, load uint32) string {
	name := fmt.Sprintf("%s-%08x", kernelNode, load)
	if images.Child(name) != nil {
		return name
	}
	position, _ := fdt.Position(root, "/"+kernelNode, "data") // before all that is added
	kernel := add(images, name, "kernel", data)
	kernel.SetCells("data-position", uint32(position))
	kernel.SetCells("data-size", uint32(len(data)))
	kernel.SetString("os", "linux")
	kernel.SetString("compression", "gzip")
	kernel.SetCells("load", load)
	kernel.SetCells("entry", load)
	return name
}

// add adds an image with the hash of its contents, which the caller puts somewhere.
func add(images *fdt.Node, name, kind string, data []byte) *fdt.Node {
	n := images.Add(name)
	n.SetString("type", kind)
	n.SetString("arch", "arm64")
	h := n.Add(hashNode)
	h.SetString("algo", "sha256")
	sum := sha256.Sum256(data)
	h.Set("value", sum[:])
	return n
}

// signedOctets are what the signature of a configuration covers: the root, the
// configuration and its images with their hashes, of their children only the
// names, and the strings block.
func signedOctets(root *fdt.Node, names *fdt.Strings, configuration *fdt.Node) []byte {
	whole := []string{"/", "/" + configurationsNode + "/" + configuration.Name}
	for _, reference := range []string{"kernel", "ramdisk", "fdt"} {
		name, _ := configuration.Property(reference)
		image := "/" + imagesNode + "/" + string(bytes.TrimRight(name, "\x00"))
		whole = append(whole, image, image+"/"+hashNode)
	}
	var out bytes.Buffer
	fdt.Walk(root, names, func(node string, item fdt.Item, octets []byte) {
		covered := slices.Contains(whole, node)
		if item.Property != "" {
			covered = covered && !slices.Contains(unsignedProperties, item.Property)
		} else {
			covered = covered || node == "" || slices.Contains(whole, path.Dir(node))
		}
		if covered {
			out.Write(octets)
		}
	})
	out.Write(names.Block())
	return out.Bytes()
}
