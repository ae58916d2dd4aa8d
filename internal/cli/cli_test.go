package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/lockdown"
	"github.com/farspoke/farspoke/internal/uplink"
)

type fakeRouter struct {
	status  api.Status
	reboots int
	resets  int
	logged  []firewall.Logged
	group   []netip.Addr
}

func (f *fakeRouter) Status() api.Status                       { return f.status }
func (*fakeRouter) Cellular(context.Context) []cellular.Status { return modems }
func (f *fakeRouter) Paths(to netip.Addr) []api.Path {
	return []api.Path{{Tunnel: "hq", Text: "No route leads to " + to.String() + " over this tunnel."}}
}
func (f *fakeRouter) Config() []byte { return []byte("hostname: branch-17\n") }
func (f *fakeRouter) CheckFirewall(name string, text []byte) (firewall.Change, error) {
	if len(text) == 0 {
		return firewall.Change{}, errors.New(name + " is empty")
	}
	return firewall.Change{Diff: "inside to outside\n  + inspect tcp\n", Warnings: []string{"careful"}}, nil
}
func (f *fakeRouter) CommitFirewall(string, []byte) (firewall.Change, error) {
	return firewall.Change{}, nil
}
func (f *fakeRouter) FirewallLog() []firewall.Logged       { return f.logged }
func (f *fakeRouter) Addresses() api.Addresses             { return f }
func (f *fakeRouter) Members(string) ([]netip.Addr, error) { return f.group, nil }
func (f *fakeRouter) Add(_ string, a netip.Addr) error     { f.group = append(f.group, a); return nil }
func (f *fakeRouter) Remove(_ string, a netip.Addr) error {
	f.group = slices.DeleteFunc(f.group, func(b netip.Addr) bool { return a == b })
	return nil
}
func (f *fakeRouter) Reboot(context.Context) error       { f.reboots++; return nil }
func (f *fakeRouter) FactoryReset(context.Context) error { f.resets++; return nil }

var branch = api.Status{
	Hostname: "branch-17", Version: "v0.1.0", Uptime: 3725,
	Boot:       bootstate.Report{Slot: bootstate.B, Standing: bootstate.OnTrial, Key: "acme-2026", Data: "/data"},
	Lockdown:   lockdown.State{Kernel: lockdown.Confidentiality, SignedModules: true, ReadOnlyRoot: true},
	Config:     api.Config{File: "/state/farspoke.yaml"},
	Milestones: []api.Milestone{{Name: "lease", At: 3.1}, {Name: "ike", At: 3.42}, {Name: "nhrp", At: 12.5}},
	Uplinks: []uplink.State{
		{Name: "wan", Link: "wan", VRF: "front", Up: true, Address: netip.MustParsePrefix("100.64.0.17/10"), Gateway: netip.MustParseAddr("100.64.0.1"), MTU: 1500, Metric: 100},
		{Name: "lte", VRF: "front", Metric: 200},
		{Name: "lan", Link: "lan1", Up: true, Address: netip.MustParsePrefix("192.168.17.1/24"), Address6: netip.MustParsePrefix("2001:db8:17::1/64"), MTU: 1500, Metric: 100},
		{Name: "lab", Link: "lan2", Address6: netip.MustParsePrefix("2001:db8:18::1/64"), MTU: 1500, Metric: 100},
	},
}

// box serves router and returns a CLI that talks to it, with what it prints.
func box(t *testing.T, router *fakeRouter, input string) (c *CLI, stdout, stderr *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- api.Serve(ctx, l, router, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() { cancel(); <-done })
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &CLI{Stdin: strings.NewReader(input), Stdout: stdout, Stderr: stderr, Box: api.NewClient(path)}, stdout, stderr
}

func TestCommandsAreSortedAndFit(t *testing.T) {
	all := commands()
	if !slices.IsSortedFunc(all, func(a, b command) int { return slices.Compare(a.words, b.words) }) {
		t.Error("the table of commands is not sorted")
	}
	for _, line := range strings.Split(usage()+listing(offered(true)), "\n") {
		if len(line) > 80 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct{ typed, want string }{
		{"show status", "show status"},
		{"sh st", "show status"},
		{"SHOW Status", "show status"},
		{"conf ch a.yaml", "config check <a.yaml>"},
		{"co", `"co" is not complete: write config check or schema`},
		{"s st", "show status"},
		{"shell", "shell"},
		{"shel", "there is no command \"shel\": write config, exit, factory-reset, firewall, help, reboot, shell, show or version"},
		{"show c", `"show c" is short for cellular, config or crypto`},
		{"show", `"show" is not complete: write show cellular, config, crypto, dmvpn, firewall, metrics, status or version`},
		{"show clock", `there is no command "show clock": write show cellular, config, crypto, dmvpn, firewall, metrics, status or version`},
		{"reload", `there is no command "reload": write config, exit, factory-reset, firewall, help, reboot, shell, show or version`},
		{"version 1", "version <1>"},
	} {
		cmd, args, err := resolve(strings.Fields(tt.typed), true)
		got := cmd.name()
		if len(args) > 0 {
			got += " <" + strings.Join(args, " ") + ">"
		}
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.typed, got, tt.want)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		args   string
		want   int
		stderr string
	}{
		{"version", exitOK, ""},
		{"--help", exitOK, ""},
		{"show status --json", exitOK, ""},
		{"", exitUnknown, "usage: farspoke COMMAND"},
		{"exit", exitUnknown, `there is no command "exit"`},
		{"config check", exitUnknown, "write: config check FILE"},
		{"config check a b", exitUnknown, "write: config check FILE"},
		{"show config --json", exitUnknown, "show config knows no option --json"},
		{"config check /nonexistent/farspoke.yaml", exitFailed, "no such file"},
	} {
		c, _, stderr := box(t, &fakeRouter{}, "")
		if got := c.Main(t.Context(), strings.Fields(tt.args)); got != tt.want || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: exit status %d and %q, want %d and %q", tt.args, got, stderr, tt.want, tt.stderr)
		}
	}
}

func TestNoRouter(t *testing.T) {
	var stdout, stderr bytes.Buffer
	c := &CLI{Stdout: &stdout, Stderr: &stderr, Box: api.NewClient(filepath.Join(t.TempDir(), "none"))}
	if got := c.Main(t.Context(), []string{"show", "status"}); got != exitFailed || !strings.Contains(stderr.String(), "reach the router process") {
		t.Errorf("exit status %d and %q", got, &stderr)
	}
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for path, text := range map[string]string{
		good: "hostname: a\nvrfs: {front: {}}\ninterfaces: {wan: {port: wan, vrf: front, ipv4: {dhcp: true}}}\n",
		bad:  "hostnmae: a\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, stdout, stderr := box(t, &fakeRouter{}, "")
	if got := c.Main(t.Context(), []string{"config", "check", good}); got != exitOK || stdout.String() != good+": the configuration of a is sound\n" {
		t.Errorf("good: %d, %q, %q", got, stdout, stderr)
	}
	if got := c.Main(t.Context(), []string{"config", "check", bad}); got != exitFailed || !strings.Contains(stderr.String(), `write "hostname"`) {
		t.Errorf("bad: %d, %q", got, stderr)
	}
}

func TestConsole(t *testing.T) {
	router := &fakeRouter{status: branch}
	c, stdout, stderr := box(t, router, strings.Join([]string{
		"", "sh conf", "bogus", "show ?", "re", "no", "reb", "yes", "shell", "exit", "version",
	}, "\n"))
	if got := c.Main(t.Context(), []string{"console"}); got != exitOK {
		t.Errorf("exit status %d", got)
	}
	if router.reboots != 1 {
		t.Errorf("%d reboots, want the one that was confirmed", router.reboots)
	}
	for _, want := range []string{"Type ? for help", "hostname: branch-17\n", "  config    the running configuration", "Nothing is done.", "good-bye"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, stdout)
		}
	}
	for _, want := range []string{`no command "bogus"`, "has no toolbox"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, stderr)
		}
	}
	if strings.Contains(stdout.String(), "linux/") {
		t.Error("the console goes on after exit")
	}
}

func TestConsoleTellsThatTheConfigurationIsBroken(t *testing.T) {
	router := &fakeRouter{status: branch}
	router.status.Config.Problem = "farspoke.yaml:1:1: there is no key"
	c, stdout, _ := box(t, router, "")
	c.Main(t.Context(), []string{"console"})
	if !strings.Contains(stdout.String(), router.status.Config.Problem) {
		t.Errorf("the banner does not tell:\n%s", stdout)
	}
}

func TestQuestion(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"sh", "  shell  open the toolbox shell (ip, ping, dmesg ...)\n  show   cellular, config, crypto, dmvpn, firewall, metrics, status or version\n"},
		{"conf ", "  check   check a configuration file\n  schema  print the JSON Schema of such a file\n"},
		{"config check ", "  FILE  check a configuration file\n"},
		{"version ", "  <enter>  the version of this program\n"},
		{"show x y", "% \"show x\" is not the beginning of one command\n"},
	} {
		if diff := cmp.Diff(tt.want, question(tt.line)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.line, diff)
		}
	}
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"": "", "s": "s", "sho": "show ", "sh": "sh", "show st": "show status ", "show ": "show ", "bogus": "bogus", "conf ch": "conf check ",
	} {
		if got := completion(line); got != want {
			t.Errorf("completion(%q) = %q, want %q", line, got, want)
		}
	}
}
