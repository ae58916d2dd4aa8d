// Command addresses is a PID 1 that says which MAC addresses the ports of the device
// tree have.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	for _, system := range []struct{ kind, dir string }{{"devtmpfs", "/dev"}, {"sysfs", "/sys"}} {
		if err := os.MkdirAll(system.dir, 0o755); err != nil {
			panic(err)
		}
		if err := unix.Mount(system.kind, system.dir, system.kind, 0, ""); err != nil {
			panic(err)
		}
	}
	console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	say(console)
	for { // until the watchdog bites
		time.Sleep(time.Hour)
	}
}

func say(console io.Writer) {
	ports, _ := filepath.Glob("/sys/firmware/devicetree/base/port@*")
	for _, port := range ports {
		address, err := os.ReadFile(filepath.Join(port, "local-mac-address"))
		if err != nil {
			fmt.Fprintf(console, "addresses: %s has none\n", filepath.Base(port))
			continue
		}
		fmt.Fprintf(console, "addresses: %s has %x\n", filepath.Base(port), address)
	}
	fmt.Fprintln(console, "addresses: that is all")
}
