// Package interop holds the tests of the emulated modem against the programs that
// drive most modems of the field, ModemManager 1.20, mbimcli and qmicli of Debian 12,
// and the benchmarks of our own Station beside ModemManager.
//
// All of it runs in one VM, whose kernel has the modem on its bus by vhci.
// testdata/debian says what of Debian the VM holds.
package interop
