// Command image builds what a box boots: the kernel, gzip-compressed, and an
// initramfs with our one binary, the kernel modules of the board and, if asked
// for, a toolbox of u-root commands for people who look into a box. Equal
// sources and an equal kernel package give equal octets.
//
//	image [-board virt] [-toolbox] [-o build/virt]
//
// With -disk it builds a boot loader, a signed image and a disk besides, which
// needs more Debian packages (make deps-disk). The signed image is the same for all
// boards, so the initramfs has the modules of all. Unless it is told how to sign, it
// signs with a key that this machine makes for itself, and says so everywhere;
// with -release it refuses to.
//
//	image -disk [-release] [-site DIR] [-key FILE | -sign-command COMMAND -public-key FILE]
//
// A site is the configuration of one box, farspoke.yaml and secrets.yaml: the box
// takes it to its disk at the first start, unless it has one there. Whoever has an
// image with a site has the site's secrets.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/debian"
)

func main() {
	name := flag.String("board", "virt", "the board to build for")
	toolbox := flag.Bool("toolbox", false, "include the u-root toolbox, and with it a shell")
	out := flag.String("o", "", "the directory to write to (default build/BOARD)")
	var o options
	flag.BoolVar(&o.disk, "disk", false, "build a disk")
	flag.BoolVar(&o.release, "release", false, "refuse what is not for other people")
	flag.StringVar(&o.stock, "stock", "", "put the boot loader into what the board came with in its flash, in this file")
	flag.StringVar(&o.site, "site", "", "the directory with the configuration of one box")
	flag.StringVar(&o.keys.file, "key", "", "sign with the private key in this PEM file")
	flag.StringVar(&o.keys.command, "sign-command", "", "sign by a command: it reads the message and writes the raw RSASSA-PKCS1-v1_5 signature with SHA-256")
	flag.StringVar(&o.keys.public, "public-key", "", "the PEM file of the command's public key")
	flag.Parse()
	o.toolbox, o.out = *toolbox, *out
	if o.out == "" {
		o.out = filepath.Join("build", *name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := run(ctx, *name, o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, o options) (err error) {
	if o.board, err = board.Find(name); err != nil {
		return err
	}
	if o.cache, err = debian.UserCache(); err != nil {
		return err
	}
	manifest, err := build(ctx, o)
	if err != nil {
		return err
	}
	manifest.print(os.Stdout)
	return nil
}
