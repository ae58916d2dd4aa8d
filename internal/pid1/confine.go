package pid1

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// routerCapabilities are all that the router process has: links, routes, XFRM
// and nftables; packet sockets; and ports below 1024. Its files belong to uid
// 0, which it keeps, so it needs none to read them.
var routerCapabilities = []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE}

// startConfined starts cmd with no capabilities but the given ones, now or
// after any exec. The bounding set and no_new_privs belong to a thread and pass
// to the processes it starts, so a thread of its own does it and then ends.
func startConfined(cmd *exec.Cmd, capabilities []int) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			// The main thread is what /proc shows of the whole process, and it
			// cannot end. While it is held here, another one does the work.
			started <- startConfined(cmd, capabilities)
			runtime.UnlockOSThread()
			return
		}
		// Never unlocked: the thread ends with the goroutine.
		err := confineThread(capabilities)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// confineThread takes capabilities from the calling thread's bounding set. A
// process of uid 0 that it starts gets what is left there.
func confineThread(keep []int) error {
	kept := make(map[int]bool)
	for _, c := range keep {
		kept[c] = true
	}
	for c := 0; ; c++ {
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // past the kernel's last
		}
		if err != nil {
			return fmt.Errorf("read capability %d: %w", c, err)
		}
		if held == 0 || kept[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}
