package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// bmapBlock is the unit of a block map, in octets.
const bmapBlock = 4096

// bmap returns the map of a disk for bmaptool, which then writes no more than the
// pieces, and checks what it writes.
//
// Source: the format's version 2.0, as bmaptool documents it.
func bmap(pieces []piece, size int64) []byte {
	var ranges strings.Builder
	var mapped int64
	for _, r := range blockRanges(pieces) {
		fmt.Fprintf(&ranges, "        <Range chksum=\"%x\">%d-%d</Range>\n", sha256.Sum256(r.data), r.first, r.last)
		mapped += r.last - r.first + 1
	}
	const checksum = "BmapFileChecksum"
	text := fmt.Sprintf(`<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize>%d</ImageSize>
    <BlockSize>%d</BlockSize>
    <BlocksCount>%d</BlocksCount>
    <MappedBlocksCount>%d</MappedBlocksCount>
    <ChecksumType>sha256</ChecksumType>
    <%[5]s>%[6]s</%[5]s>
    <BlockMap>
%[7]s    </BlockMap>
</bmap>
`, size, bmapBlock, (size+bmapBlock-1)/bmapBlock, mapped, checksum, strings.Repeat("0", 64), ranges.String())
	// The file's own checksum is that of the file with zeros in its place.
	sum := fmt.Sprintf("<%s>%x<", checksum, sha256.Sum256([]byte(text)))
	return []byte(strings.Replace(text, fmt.Sprintf("<%s>%s<", checksum, strings.Repeat("0", 64)), sum, 1))
}

// blockRange is a run of whole blocks, first and last its own.
type blockRange struct {
	first, last int64
	data        []byte
}

// blockRanges widens pieces, which are in order and do not overlap, to blocks. The
// disk is a whole number of blocks.
func blockRanges(pieces []piece) []blockRange {
	var ranges []blockRange
	for _, p := range pieces {
		first := p.offset / bmapBlock
		last := (p.offset + int64(len(p.data)) - 1) / bmapBlock
		data := make([]byte, (last-first+1)*bmapBlock)
		copy(data[p.offset-first*bmapBlock:], p.data)
		ranges = append(ranges, blockRange{first, last, data})
	}
	return ranges
}
