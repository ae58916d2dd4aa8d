package rootfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
)

// mountPoints exist for what uses the tree to mount on or write to.
var mountPoints = []string{"dev", "proc", "root", "run", "sys", "tmp", "var"}

// Write writes the tree and the named kernel modules, with all they depend on
// and their index, as an initramfs compressed with zstd. Equal contents give
// equal bytes.
func (t Tree) Write(w io.Writer, kernel debian.Kernel, modules ...string) error {
	var archive initramfs.Archive
	t.AddTo(&archive, "")
	archive.CharDev("dev/console", 0o600, 5, 1) // /init has a console before it has mounted anything
	if err := kernel.AddModules(&archive, "usr/lib/modules", modules...); err != nil {
		return err
	}
	compressed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("compress the archive: %w", err)
	}
	if _, err := archive.WriteTo(compressed); err != nil {
		return err
	}
	return compressed.Close()
}

// AddTo adds the tree and its mount points to an archive, below a directory.
func (t Tree) AddTo(archive *initramfs.Archive, dir string) {
	for _, name := range mountPoints {
		archive.Dir(path.Join(dir, name), 0o755)
	}
	for _, name := range merged {
		archive.Symlink(path.Join(dir, name), "usr/"+name)
	}
	archive.Symlink(path.Join(dir, "var/run"), "/run")
	for name, file := range t {
		if file.Mode&fs.ModeSymlink != 0 {
			archive.Symlink(path.Join(dir, name), string(file.Data))
		} else {
			archive.File(path.Join(dir, name), file.Mode, file.Data)
		}
	}
}
