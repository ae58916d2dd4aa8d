package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The superblock of ext4 is two sectors at octet 1024 of the partition. Everything
// that changes between two mounts is in the first, but the checksum over both ends
// the second: of a disk that loses its power in between, the kernel would mount
// nothing any more. Where there is but one, as on a small partition, there is no copy
// to take its place.
//
// Source: Documentation/filesystems/ext4/super.rst of Linux.
const (
	superblockOffset = 1024
	superblockSize   = 1024

	magicAt        = 0x38
	magic          = 0xef53
	roFeaturesAt   = 0x64
	metadataSums   = 0x400
	checksumTypeAt = 0x175
	crc32c         = 1
	checksumAt     = superblockSize - 4
)

// MendSuperblock renews the checksum of an ext4 superblock that a power cut has torn,
// in a partition that is not mounted. In one that is damaged otherwise the kernel
// still finds whatever makes no sense.
func MendSuperblock(d device) error {
	s := make([]byte, superblockSize)
	if _, err := d.ReadAt(s, superblockOffset); err != nil {
		return fmt.Errorf("read superblock: %w", err)
	}
	le := binary.LittleEndian
	if le.Uint16(s[magicAt:]) != magic || le.Uint32(s[roFeaturesAt:])&metadataSums == 0 || s[checksumTypeAt] != crc32c {
		return nil
	}
	sum := ^crc32.Checksum(s[:checksumAt], crc32.MakeTable(crc32.Castagnoli))
	if le.Uint32(s[checksumAt:]) == sum {
		return nil
	}
	le.PutUint32(s[checksumAt:], sum)
	if _, err := d.WriteAt(s, superblockOffset); err != nil {
		return fmt.Errorf("mend superblock: %w", err)
	}
	if err := d.Sync(); err != nil {
		return fmt.Errorf("mend superblock: %w", err)
	}
	return nil
}
