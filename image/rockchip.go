package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/internal/gpt"
)

// uBootAddress is where the first stage puts U-Boot of an RK3399, and where that runs
// until it moves itself: its CONFIG_TEXT_BASE.
const uBootAddress = 0x20_0000

// rockchip is the first stage, which is all U-Boot's, and what it loads: U-Boot with
// its device tree, and BL31 of TF-A, which stays behind as the secure firmware. The
// first stage looks at no signature, for nobody looks at its own.
func (l *loader) rockchip(ctx context.Context) ([]output, error) {
	first, err := l.build.FirstStage()
	if err != nil {
		return nil, err
	}
	program, err := l.build.Program()
	if err != nil {
		return nil, err
	}
	firmware, err := l.packageFiles(ctx, l.cache.Packages, "arm-trusted-firmware")
	if err != nil {
		return nil, err
	}
	secure, entry, err := loadSegments(firmware["usr/lib/arm-trusted-firmware/rk3399/bl31.elf"].Data)
	if err != nil {
		return nil, fmt.Errorf("read BL31 of TF-A: %w", err)
	}
	return []output{{"idbloader.img", first}, {"u-boot.itb", secondStage(secure, entry, program, l.control)}}, nil
}

// segment is a piece of memory.
type segment struct {
	address uint32
	data    []byte
}

// loadSegments returns what an ELF program has to have in memory, and where it starts.
func loadSegments(program []byte) (segments []segment, entry uint32, err error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, 0, err
	}
	for _, p := range file.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Paddr>>32 != 0 {
			return nil, 0, fmt.Errorf("a part of it belongs at %#x", p.Paddr)
		}
		data, err := io.ReadAll(p.Open())
		if err == nil && uint64(len(data)) != p.Filesz {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, 0, err
		}
		segments = append(segments, segment{uint32(p.Paddr), data})
	}
	if segments == nil {
		return nil, 0, errors.New("it has nothing to load")
	}
	return segments, uint32(file.Entry), nil
}

// secondStage is a FIT image as U-Boot's first stage takes it: it has room for a
// small tree only, so that the contents of the images follow the tree and are read
// straight to where they belong, in whole sectors: one of the memories is exactly as
// large as the sectors of what goes there. The device tree goes behind U-Boot.
//
// Source: U-Boot 2023.01, common/spl/spl_fit.c and
// arch/arm/mach-rockchip/make_fit_atf.py.
func secondStage(secure []segment, entry uint32, program, control []byte) []byte {
	root := &fdt.Node{}
	root.SetCells("timestamp", 0)
	root.SetString("description", "U-Boot and TF-A")
	root.SetCells("#address-cells", 1)
	images := root.Add("images")
	var contents []byte
	add := func(name, kind, os string, data []byte) *fdt.Node {
		n := images.Add(name)
		n.SetString("description", name)
		n.SetString("type", kind)
		n.SetString("arch", "arm64")
		n.SetString("compression", "none")
		if os != "" {
			n.SetString("os", os)
		}
		n.SetCells("data-offset", uint32(len(contents)))
		n.SetCells("data-size", uint32(len(data)))
		contents = wholeSectors(append(contents, data...))
		return n
	}
	add("u-boot", "standalone", "u-boot", program).SetCells("load", uBootAddress)
	loadables := []string{"u-boot"}
	for i, s := range secure {
		n := add(fmt.Sprintf("tf-a-%d", i+1), "firmware", "arm-trusted-firmware", s.data)
		n.SetCells("load", s.address)
		if i == 0 {
			n.SetCells("entry", entry)
		} else {
			loadables = append(loadables, n.Name)
		}
	}
	add("fdt", "flat_dt", "", control)
	configurations := root.Add("configurations")
	configurations.SetString("default", "board")
	c := configurations.Add("board")
	c.SetString("description", "board")
	c.SetString("firmware", "tf-a-1")
	c.SetString("loadables", loadables...)
	c.SetString("fdt", "fdt")
	tree := wholeSectors(fdt.Marshal(root))
	binary.BigEndian.PutUint32(tree[4:], uint32(len(tree))) // the contents begin where it ends
	return append(tree, contents...)
}

func wholeSectors(data []byte) []byte {
	return append(data, make([]byte, -len(data)&(gpt.Sector-1))...)
}
