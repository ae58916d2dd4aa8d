package port

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// sysfs reads attributes and links of the kernel's devices. Its root is /sys. What
// is not there, for devices come and go while they are read, is empty.
type sysfs struct{ fs.FS }

// attribute returns the text of a device's attribute.
func (s sysfs) attribute(device, name string) string {
	text, _ := fs.ReadFile(s.FS, path.Join(device, name))
	return strings.TrimSpace(string(text))
}

// text returns an attribute that a device's maker has written, or somebody who
// wants to be taken for one: without what is not for a screen.
func (s sysfs) text(device, name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s.attribute(device, name))
}

// number returns an attribute in hexadecimal, with or without 0x, of at most 16
// bits.
func (s sysfs) number(device, name string) uint16 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(s.attribute(device, name), "0x"), 16, 16)
	return uint16(n)
}

// follow returns where a symbolic link leads.
func (s sysfs) follow(link string) (target string, ok bool) {
	target, err := fs.ReadLink(s.FS, link)
	return path.Join(path.Dir(link), target), err == nil
}

// driver returns the name of a device's driver.
func (s sysfs) driver(device string) string { return s.named(device, "driver") }

// subsystem returns the name of a device's class or bus.
func (s sysfs) subsystem(device string) string { return s.named(device, "subsystem") }

func (s sysfs) named(device, link string) string {
	target, ok := s.follow(path.Join(device, link))
	if !ok {
		return ""
	}
	return path.Base(target)
}

// list returns the names in a directory. One that is not there is empty.
func (s sysfs) list(dir string) ([]string, error) {
	entries, err := fs.ReadDir(s.FS, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
