package uboot

import (
	"context"
	"path/filepath"
)

// firstStageFile is what the ROM of a Rockchip RK3399 starts.
const firstStageFile = "idbloader.img"

// rockchipTargets are its two parts: the first runs in the processor's own memory and
// makes that of the board usable, the second loads U-Boot.
var rockchipTargets = []string{"tpl/u-boot-tpl.bin", "spl/u-boot-spl.bin"}

// packFirstStage puts both behind the header that the ROM looks for.
//
// Source: U-Boot 2023.01, arch/arm/dts/rockchip-u-boot.dtsi.
func (t tree) packFirstStage(ctx context.Context) error {
	path := func(name string) string { return filepath.Join(t.out, name) }
	return t.run(ctx, path("tools/mkimage"), "-n", "rk3399", "-T", "rksd",
		"-d", path(rockchipTargets[0])+":"+path(rockchipTargets[1]), path(firstStageFile))
}
