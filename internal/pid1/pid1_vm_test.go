//go:build vm

package pid1

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
)

// statusOf returns a line of /proc/PID/status.
func statusOf(status, key string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func TestRouterIsConfined(t *testing.T) {
	var out strings.Builder
	cmd := helper("status")
	cmd.Stdout = &out
	if err := startConfined(cmd, routerCapabilities); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	const kept = "0000000000003400" // bits 10 NET_BIND_SERVICE, 12 NET_ADMIN, 13 NET_RAW
	for key, want := range map[string]string{
		"CapBnd": kept, "CapPrm": kept, "CapEff": kept,
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1",
	} {
		if got := statusOf(out.String(), key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}

	// Whoever started it keeps what it had.
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if statusOf(string(own), "CapBnd") == kept || statusOf(string(own), "NoNewPrivs") != "0" {
		t.Error("the parent is confined as well")
	}
}

func TestReaperLeavesOwnChildrenAlone(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := newReaper()
	done := make(chan error, 1)
	go func() { done <- r.run(ctx) }()

	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for _, part := range []string{"exit", "orphans"} {
				cmd := helper(part)
				if err := r.start(cmd, cmd.Start); err != nil {
					t.Error(err)
					return
				}
				err := r.wait(cmd)
				exit, failed := errors.AsType[*exec.ExitError](err)
				if part == "exit" && (!failed || exit.ExitCode() != 3) || part == "orphans" && err != nil {
					t.Errorf("%s: status was stolen: %v", part, err)
				}
			}
		})
	}
	all.Wait()
	// All 50 orphans end, and nothing is left to wait for.
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			break
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSysctlsOfTheKernel(t *testing.T) {
	loadModules(t, "nf_conntrack")
	all := slices.Concat(sysctls, moduleSysctls)
	if err := setSysctls("/proc/sys", all); err != nil {
		t.Fatal(err)
	}
	// Some of them change others when they are written.
	for _, s := range all {
		got, err := os.ReadFile(filepath.Join("/proc/sys", s.name))
		if err != nil {
			t.Error(err)
		} else if want := strings.Fields(s.value); !slices.Equal(strings.Fields(string(got)), want) {
			t.Errorf("%s is %q", s, got)
		}
	}
}

// TestLinksAreSilentInIPv6: a link that is set up has no address that nobody gave
// it, and one that it is given can be used at once.
func TestLinksAreSilentInIPv6(t *testing.T) {
	if err := setSysctls("/proc/sys", sysctls); err != nil {
		t.Fatal(err)
	}
	// With these parameters the kernel gets no module for itself.
	loadModules(t, "veth")
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "port"}, PeerName: "cable"}
	if err := netlink.LinkAdd(pair); err != nil {
		t.Fatal(err)
	}
	defer netlink.LinkDel(pair)
	for _, name := range []string{"port", "cable"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"accept_ra": "0", "accept_redirects": "0", "autoconf": "0", "addr_gen_mode": "1", "forwarding": "0", "ignore_routes_with_linkdown": "1",
	} {
		got, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv6/conf/port", name))
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s of a new link is %q, %v, want %s", name, got, err, want)
		}
	}
	address, err := netlink.ParseAddr("2001:db8::1/64")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(pair, address); err != nil {
		t.Fatal(err)
	}
	// A worker of the kernel's finds that nobody is to be asked whether it is taken.
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		all, err := netlink.AddrList(pair, netlink.FAMILY_V6)
		if err != nil || len(all) != 1 || !all[0].IP.Equal(address.IP) {
			t.Fatalf("the link has addresses %v, %v, want only the one it was given", all, err)
		}
		if all[0].Flags&unix.IFA_F_TENTATIVE == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the address cannot be used: its flags are %#x", all[0].Flags)
		}
	}
	counters, err := os.ReadFile("/proc/net/dev_snmp6/port")
	if err != nil || !slices.Equal(counterOf(string(counters), "Icmp6OutNeighborSolicits"), []string{"0"}) {
		t.Errorf("somebody was asked whether the address is taken: %v\n%s", err, counters)
	}
}

// counterOf returns the values of the counters of that name.
func counterOf(counters, name string) (values []string) {
	for line := range strings.Lines(counters) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == name {
			values = append(values, words[1])
		}
	}
	return values
}

func TestMountFlags(t *testing.T) {
	root := t.TempDir()
	for _, s := range fileSystem {
		m, ok := s.(mount)
		if !ok {
			continue
		}
		m.target = filepath.Join(root, m.target)
		if err := m.Create(); err != nil {
			t.Error(err)
			continue
		}
		defer func() {
			if err := unix.Unmount(m.target, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}()
		options := mountOptions(t, m.target)
		for flag, word := range map[uintptr]string{unix.MS_NOSUID: "nosuid", unix.MS_NODEV: "nodev", unix.MS_NOEXEC: "noexec"} {
			if slices.Contains(options, word) != (m.flags&flag != 0) {
				t.Errorf("%s has options %q", m, options)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(root, "tmp")); err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("/tmp: %v, %v", info.Mode(), err)
	}
}

func mountOptions(t *testing.T, target string) []string {
	t.Helper()
	file, err := os.Open("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 3 && fields[1] == target {
			return strings.Split(fields[3], ",")
		}
	}
	t.Errorf("%s is not mounted", target)
	return nil
}

// TestReadOnlyHoldsForRoot: nobody writes to what has been made read-only, and what is
// being written is not made so.
func TestReadOnlyHoldsForRoot(t *testing.T) {
	m := mount{"tmpfs", t.TempDir(), 0, ""}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(m.target, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	name := filepath.Join(m.target, "file")
	open, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := (readOnly{m.target}).Create(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("while a file is open for writing: %v, want %v", err, unix.EBUSY)
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (readOnly{m.target}).Create(); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"write":  os.WriteFile(name, nil, 0o600),
		"create": os.WriteFile(name+"2", nil, 0o600),
		"remove": os.Remove(name),
		"device": unix.Mknod(name+"3", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))),
	} {
		if !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v, want %v", what, err, unix.EROFS)
		}
	}
}

// loadModules loads modules of the VM, each once for all tests.
func loadModules(t *testing.T, names ...string) {
	t.Helper()
	modules, err := kmod.Open(modulesDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := modules.Load(names...); err != nil {
		t.Fatal(err)
	}
}

func TestWatchdogIsArmedAndFed(t *testing.T) {
	loadModules(t, "i6300esb")
	const timeout = 10 * time.Minute // more than a machine may stand still
	w, err := openWatchdog(watchdogDevice, timeout)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody feeds it after this test, and only this word disarms it.
	defer func() {
		_, err := w.device.WriteString("V")
		if err := errors.Join(err, w.device.Close()); err != nil {
			t.Error(err)
		}
	}()
	if err := w.feed(); err != nil {
		t.Error(err)
	}
	if got, err := unix.IoctlGetInt(int(w.device.Fd()), unix.WDIOC_GETTIMEOUT); err != nil || got != int(timeout.Seconds()) {
		t.Errorf("timeout is %d s, %v", got, err)
	}
}

func TestHardwareClockIsSetToo(t *testing.T) {
	c := &clock{now: time.Now, set: setSystemTime}
	if err := c.SetTime(time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(rtcDevice)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rtc, err := unix.IoctlGetRTCTime(int(file.Fd()))
	if err != nil || rtc.Year != 131 || rtc.Mon != 1 || rtc.Mday != 3 || rtc.Hour != 4 {
		t.Errorf("hardware clock reads %+v, %v", rtc, err)
	}
	if now := time.Now().UTC(); now.Year() != 2031 {
		t.Errorf("clock reads %v", now)
	}
}
