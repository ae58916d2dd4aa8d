package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/lockdown"
)

// verifiedArgs go behind the board's kernel arguments: what the boot loader has
// verified loads no module that nobody has signed (Debian signs all of its own), and
// lets not even root change the kernel or read its secrets.
var verifiedArgs = "module.sig_enforce=1 " + lockdown.Confidentiality.Argument()

// signedImage signs the kernel and the initramfs that were built into a directory,
// with the device trees of all boards. Whatever board the build is for, it is the
// same to the octet: one image to sign, to keep and to hand out.
func signedImage(dir string, source source, trees []deviceTree, signer fit.Signer, m *manifest) ([]byte, error) {
	kernel, err := os.ReadFile(filepath.Join(dir, kernelFile))
	if err != nil {
		return nil, fmt.Errorf("sign the image: %w", err)
	}
	archive, err := os.ReadFile(filepath.Join(dir, initramfsFile))
	if err != nil {
		return nil, fmt.Errorf("sign the image: %w", err)
	}
	image := fit.Image{Description: "Farspoke " + source.version, Date: source.date, Kernel: kernel, Initramfs: archive}
	for _, t := range trees {
		m.DeviceTrees = append(m.DeviceTrees, partOf(t.origin, t.blob))
		image.Boards = append(image.Boards, fit.Board{
			Name: t.board.Name, Load: t.board.Boot.KernelAddress, DeviceTree: t.blob,
			Args: t.board.CommandLine() + " " + verifiedArgs,
		})
	}
	signed, err := fit.Sign(image, signer)
	if err != nil {
		return nil, err
	}
	if len(signed) > uboot.SlotSize {
		return nil, fmt.Errorf("the signed image has %d octets, a slot has room for %d", len(signed), uboot.SlotSize)
	}
	return signed, nil
}
