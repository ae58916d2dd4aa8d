// Package bootchain tests how the box starts from its disk: the real boot loader,
// the real image and images that are broken in each of the ways that an update can
// be, in QEMU. The tests have the tag disk.
package bootchain
