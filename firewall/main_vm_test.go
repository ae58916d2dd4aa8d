//go:build vm

package firewall

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/internal/kmod"
)

// TestMain loads the modules the package names and those of the lab, and keeps
// the kernel from loading any other, so that the tests show Modules to be
// enough.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := loadModules(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func loadModules() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("/nonexistent"), 0o644); err != nil {
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	lab := []string{
		"veth", "vrf", "ip_gre", "af_packet", "nf_conntrack_netlink", "xfrm_user", "esp4",
		"ctr", "ghash_generic", "gcm",
	}
	random := []string{"sha512_generic", "sha3_generic", "jitterentropy_rng", "drbg", "seqiv"}
	if flag.Lookup("test.bench").Value.String() != "" {
		// A clock that counts instructions has no jitter to make random numbers
		// from. The accelerators are those that a box has.
		random = []string{"ansi_cprng", "seqiv", "aes_ce_blk", "ghash_ce", "pktgen", "sch_ingress", "cls_matchall", "act_gact"}
	}
	return loader.Load(slices.Concat(Modules, lab, random)...)
}
