package kmod

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// packedSuffix is that of a module's file which Pack has compressed.
const packedSuffix = ".gz"

// Pack compresses a module's file, for an image in which it is seldom needed: the
// kernel unpacks an image at every start, before PID 1, and this part of it only
// when the module is loaded. It returns the new path as well.
func Pack(path string, module []byte) (packedPath string, packed []byte, err error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return "", nil, fmt.Errorf("pack module: %w", err)
	}
	if _, err := z.Write(module); err != nil {
		return "", nil, fmt.Errorf("pack module: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", nil, fmt.Errorf("pack module: %w", err)
	}
	return path + packedSuffix, out.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack module: %w", err)
	}
	module, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack module: %w", err)
	}
	return module, nil
}
