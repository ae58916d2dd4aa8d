// Command image builds what a box boots: the kernel, gzip-compressed, and an
// initramfs with our one binary, the kernel modules of the board and, unless
// left out, a toolbox of u-root commands for people who look into a box. Equal
// sources and an equal kernel package give equal octets.
//
//	image [-board virt] [-toolbox=false] [-o build/virt]
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
	toolbox := flag.Bool("toolbox", true, "include the u-root toolbox")
	out := flag.String("o", "", "the directory to write to (default build/BOARD)")
	flag.Parse()
	if *out == "" {
		*out = filepath.Join("build", *name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *toolbox, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, toolbox bool, out string) error {
	b, err := board.Find(name)
	if err != nil {
		return err
	}
	cache, err := debian.UserCache()
	if err != nil {
		return err
	}
	manifest, err := build(ctx, options{board: b, toolbox: toolbox, cache: cache, out: out})
	if err != nil {
		return err
	}
	manifest.print(os.Stdout)
	return nil
}
