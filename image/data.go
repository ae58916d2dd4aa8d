package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// emptyFileSystem returns what the box writes to the data partition of a new disk,
// gzip-compressed: an empty ext4 file system of 16 MiB, which the kernel lets grow
// to whatever the disk has. The box has no program that makes file systems.
func emptyFileSystem(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "farspoke-image-*")
	if err != nil {
		return nil, fmt.Errorf("make an empty file system: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "data.ext4")
	program, err := exec.LookPath("mke2fs")
	if err != nil {
		program = "/sbin/mke2fs" // not in the PATH of every user
	}
	// Room in the group descriptors for 64 GiB without moving anything.
	cmd := exec.CommandContext(ctx, program, "-q", "-t", "ext4",
		// Everything said, so that the machine's own mke2fs.conf has no say.
		"-O", "none,has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize,resize_inode,dir_index,filetype,sparse_super,large_file",
		"-b", "4096", "-I", "256", "-i", "16384", "-m", "0", "-J", "size=4",
		"-L", "data", "-U", "6c0a1ffd-3a5c-4ed0-9a63-5d2f3b0fd6a1",
		"-E", "resize=16777216,hash_seed=6c0a1ffd-3a5c-4ed0-9a63-5d2f3b0fd6a2,lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0",
		file, "16M")
	cmd.Env = append(os.Environ(), "E2FSPROGS_FAKE_TIME=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make an empty file system (package e2fsprogs): %w\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("make an empty file system: %w", err)
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("make an empty file system: %w", err)
	}
	if _, err := z.Write(data); err != nil {
		return nil, fmt.Errorf("make an empty file system: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("make an empty file system: %w", err)
	}
	return out.Bytes(), nil
}
