// Package pstore reads what the kernel of the previous run left in memory that
// survives a warm reset: the tail of its log, with the stack of the Go program
// or of the kernel in it. The files are those of the pstore file system with
// the ramoops back end (kernel: Documentation/admin-guide/pstore-blk.rst,
// fs/pstore/platform.c): dmesg-ramoops-N, each beginning with a line such as
// "Panic#1 Part2". A dump longer than a record has several parts, of which
// part 1 is the newest text.
package pstore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Dump is one dump of the kernel log.
type Dump struct {
	// Reason is "Panic", "Oops", "Emergency" or "Shutdown".
	Reason string
	// Count tells several dumps of one kernel apart.
	Count int
	// Text is the log, oldest line first.
	Text string
	// Files are the names of the files it was read from.
	Files []string
}

// Crash reports whether the dump tells of a crash, rather than of an orderly
// end.
func (d Dump) Crash() bool { return d.Reason != "Shutdown" }

// part is one file.
type part struct {
	file   string
	reason string
	count  int
	number int
	text   string
}

// Read returns the dumps at the root of fsys, which is /sys/fs/pstore, in the
// order of their count. It goes on after a file it cannot read and returns all
// errors, joined.
func Read(fsys fs.FS) ([]Dump, error) {
	files, err := fs.Glob(fsys, "dmesg-*")
	if err != nil {
		return nil, err
	}
	var parts []part
	var errs []error
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			errs = append(errs, fmt.Errorf("read crash record: %w", err))
			continue
		}
		p, err := parse(string(data))
		if err != nil {
			errs = append(errs, fmt.Errorf("read crash record %s: %w", file, err))
			continue
		}
		p.file = file
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(a.count-b.count, cmp.Compare(a.reason, b.reason), b.number-a.number)
	})
	var dumps []Dump
	for _, p := range parts {
		last := len(dumps) - 1
		if last < 0 || dumps[last].Count != p.count || dumps[last].Reason != p.reason {
			dumps = append(dumps, Dump{Reason: p.reason, Count: p.count})
			last++
		}
		dumps[last].Text += p.text
		dumps[last].Files = append(dumps[last].Files, p.file)
	}
	return dumps, errors.Join(errs...)
}

// parse splits a record into its header and the text.
func parse(record string) (part, error) {
	header, text, _ := strings.Cut(record, "\n")
	reason, rest, ok := strings.Cut(header, "#")
	count, number, ok2 := strings.Cut(rest, " Part")
	if !ok || !ok2 || reason == "" {
		return part{}, fmt.Errorf("header is %.40q, not REASON#COUNT PartNUMBER", header)
	}
	p := part{reason: reason, text: text}
	var err error
	if p.count, err = strconv.Atoi(count); err != nil || p.count < 0 {
		return part{}, fmt.Errorf("header %.40q does not count dumps", header)
	}
	if p.number, err = strconv.Atoi(number); err != nil || p.number < 0 {
		return part{}, fmt.Errorf("header %.40q does not count parts", header)
	}
	return p, nil
}
