package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sysctl is a kernel parameter by its path below /proc/sys, and its value.
type sysctl struct {
	name, value string
}

// sysctls are set before the first link appears, so that every link starts
// with the defaults. PID 1 owns them all; what depends on the configuration
// is not here.
var sysctls = []sysctl{
	// A panic restarts the box and leaves its text in pstore, and so does a
	// kernel that is no longer sure of itself.
	{"kernel/panic", "1"},
	{"kernel/panic_on_oops", "1"},
	// So does a processor that runs kernel code for a minute without a pause, or that
	// the others wait for, for the third time. The watchdog sees neither as long as
	// another processor feeds it. One that waits for a disk is no such thing: the box
	// forwards without its disk.
	{"kernel/watchdog_thresh", "30"}, // half of it, in seconds
	{"kernel/softlockup_panic", "1"},
	{"kernel/panic_on_rcu_stall", "1"},
	{"kernel/max_rcu_stall_to_panic", "3"},
	// The console shows our milestones and warnings; of the kernel's own
	// messages only the desperate.
	{"kernel/printk", "3 4 1 7"},
	// A break on the serial line, which a loose cable can make, is no order to the
	// kernel.
	{"kernel/sysrq", "0"},

	// From here on it is about a router process that somebody has taken over. It is
	// root without capabilities, so it owns what the kernel lets root write.
	//
	// It does not learn where things are in the kernel's memory.
	{"kernel/kptr_restrict", "2"},
	{"kernel/dmesg_restrict", "1"},
	{"kernel/perf_event_paranoid", "3"},
	// It brings no program into the kernel but filters of packets, and in those no
	// constants that are a program when read from the middle.
	{"kernel/unprivileged_bpf_disabled", "1"},
	{"net/core/bpf_jit_harden", "2"},
	// It has no namespace in which it would be root with all capabilities.
	{"user/max_user_namespaces", "0"},
	// It reads no other process, not even its own child.
	{"kernel/yama/ptrace_scope", "2"},
	// What it can make the kernel start, such as whatever it names as the receiver of
	// core dumps, has no capabilities either. The box itself needs nothing of the kind.
	{"kernel/usermodehelper/bset", "0 0"},
	{"kernel/usermodehelper/inheritable", "0 0"},
	// Nothing in /tmp, which anybody may write, leads elsewhere or is what it was not
	// when it was made.
	{"fs/protected_symlinks", "1"},
	{"fs/protected_hardlinks", "1"},
	{"fs/protected_fifos", "2"},
	{"fs/protected_regular", "2"},
	// Nobody starts another kernel, which no boot loader has verified.
	{"kernel/kexec_load_disabled", "1"},

	// A router, whose firewall says what may pass and from where: the reverse
	// path is different during an NHRP shortcut's set-up, so it is no test.
	{"net/ipv4/ip_forward", "1"},
	{"net/ipv4/conf/all/rp_filter", "0"},
	{"net/ipv4/conf/default/rp_filter", "0"},
	// Packets of a flow the tunnel carries must not grow a clear-text path,
	// nor may a provider change our routes.
	{"net/ipv4/conf/all/send_redirects", "0"},
	{"net/ipv4/conf/default/send_redirects", "0"},
	{"net/ipv4/conf/all/accept_redirects", "0"},
	{"net/ipv4/conf/default/accept_redirects", "0"},
	{"net/ipv4/conf/all/secure_redirects", "0"},
	{"net/ipv4/conf/default/secure_redirects", "0"},
	{"net/ipv4/conf/all/accept_source_route", "0"},
	{"net/ipv4/conf/default/accept_source_route", "0"},
	// An address answers ARP on its own link only.
	{"net/ipv4/conf/all/arp_ignore", "1"},
	{"net/ipv4/conf/all/arp_announce", "2"},
	// What may be fragmented is, by the path MTU learnt through the tunnel: the
	// outer packet may not, and nobody tells the sender, so it would be lost.
	{"net/ipv4/ip_forward_use_pmtu", "1"},
	{"net/ipv4/tcp_mtu_probing", "1"},
	// A route whose link has no carrier is no route.
	{"net/ipv4/conf/all/ignore_routes_with_linkdown", "1"},
	{"net/ipv4/conf/default/ignore_routes_with_linkdown", "1"},
	// A socket that is not bound to a VRF hears nothing from one.
	{"net/ipv4/tcp_l3mdev_accept", "0"},
	{"net/ipv4/udp_l3mdev_accept", "0"},
	{"net/ipv4/raw_l3mdev_accept", "0"},
	// Neighbours on the tunnel count like those on a LAN: a hub's worth fits.
	{"net/ipv4/neigh/default/gc_thresh1", "1024"},
	{"net/ipv4/neigh/default/gc_thresh2", "4096"},
	{"net/ipv4/neigh/default/gc_thresh3", "8192"},
	// After this many seconds an unanswered request for an SA is repeated.
	{"net/core/xfrm_acq_expires", "4"},

	// The same for IPv6. What is set for all links holds for all; of the other
	// parameters each link has its own value, which it takes from default.
	{"net/ipv6/conf/all/forwarding", "1"},
	{"net/ipv6/conf/default/accept_redirects", "0"},
	{"net/ipv6/conf/all/accept_source_route", "-1"},
	{"net/ipv6/conf/all/seg6_enabled", "0"},
	{"net/ipv6/conf/all/rpl_seg_enabled", "0"},
	{"net/ipv6/conf/all/ignore_routes_with_linkdown", "1"},
	{"net/ipv6/neigh/default/gc_thresh1", "1024"},
	{"net/ipv6/neigh/default/gc_thresh2", "4096"},
	{"net/ipv6/neigh/default/gc_thresh3", "8192"},
	{"net/ipv6/icmp/echo_ignore_multicast", "1"},
	{"net/ipv6/icmp/echo_ignore_anycast", "1"},
	// Addresses are configured: nobody on a link gives us any, nor a router.
	{"net/ipv6/conf/default/accept_ra", "0"},
	{"net/ipv6/conf/default/autoconf", "0"},
	// A port that has none has no link-local address either, and is in no group of
	// routers, so that it neither speaks nor answers, and a provider learns nothing
	// from it. Who configures a port makes it a router's. Packets are forwarded all
	// the same: there only the value for all links counts.
	{"net/ipv6/conf/default/addr_gen_mode", "1"},
	{"net/ipv6/conf/default/forwarding", "0"},
	// As in IPv4 nobody is asked whether an address is taken: that takes seconds,
	// and the address stays what it is.
	{"net/ipv6/conf/default/accept_dad", "0"},
	// As in IPv4 addresses stay on a link that is set down.
	{"net/ipv6/conf/all/keep_addr_on_down", "1"},
}

// moduleSysctls are those of modules, which have them once they are loaded.
var moduleSysctls = []sysctl{
	// What the tunnel brings from a peer is one connection to the kernel. It would
	// forget that after half a minute of silence, and of the packets that come next
	// pass only some if they come at once, as each begins the connection anew. So it
	// is remembered from one NHRP registration to the next, as long as usual ones
	// hold.
	{"net/netfilter/nf_conntrack_gre_timeout", "3600"},
}

// String is the assignment as sysctl(8) writes it.
func (s sysctl) String() string {
	return strings.ReplaceAll(s.name, "/", ".") + "=" + s.value
}

// setSysctls sets all parameters below root, which is /proc/sys. It goes on
// after one that the kernel refuses and returns all errors, joined.
func setSysctls(root string, table []sysctl) error {
	var errs []error
	for _, s := range table {
		// Without O_CREATE: a parameter the kernel lacks is an error.
		file, err := os.OpenFile(filepath.Join(root, s.name), os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(s.value)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", s, err))
		}
	}
	return errors.Join(errs...)
}
