package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/metrics"
	"github.com/farspoke/farspoke/internal/uplink"
)

func showStatus(ctx context.Context, c *CLI, r request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	if r.option {
		return c.printJSON(status)
	}
	_, err = io.WriteString(c.Stdout, statusText(status))
	return err
}

func showMetrics(ctx context.Context, c *CLI, _ request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(metrics.Text(status))
	return err
}

func statusText(s api.Status) string {
	var b strings.Builder
	b.WriteString(columns(func(w io.Writer) {
		fmt.Fprintf(w, "Hostname\t%s\n", s.Hostname)
		fmt.Fprintf(w, "Version\t%s, %s\n", s.Version, s.Boot.Trust())
		if s.Boot.Slot != "" {
			fmt.Fprintf(w, "Started from\t%s\n", origin(s.Boot))
		}
		for _, gap := range s.Lockdown.Gaps(s.Boot.Key != "") {
			fmt.Fprintf(w, "Not closed\t%s\n", gap)
		}
		fmt.Fprintf(w, "Up for\t%s\n", seconds(s.Uptime).Round(time.Second))
		if s.Config.Problem == "" {
			fmt.Fprintf(w, "Configuration\t%s\n", s.Config.File)
		}
	}))
	if s.Config.Problem != "" {
		b.WriteString("\n" + broken(s.Config))
	}
	if len(s.Uplinks) > 0 {
		b.WriteString("\n" + columns(func(w io.Writer) {
			fmt.Fprintln(w, "Uplink\tState\tVRF\tAddress\tGateway\tMetric\tMTU")
			for _, u := range s.Uplinks {
				if u.Address.IsValid() || !u.Address6.IsValid() {
					fmt.Fprintln(w, uplinkLine(u, u.Up, u.Address, u.Gateway))
				}
				if u.Address6.IsValid() {
					fmt.Fprintln(w, uplinkLine(u, true, u.Address6, u.Gateway6))
				}
			}
		}))
	}
	if len(s.Milestones) > 0 {
		b.WriteString("\n" + columns(func(w io.Writer) {
			fmt.Fprintln(w, "Since the start of the kernel")
			for _, m := range s.Milestones {
				fmt.Fprintf(w, "  %s\t%8.2f s\n", m.Name, m.At)
			}
		}))
	}
	return b.String()
}

// uplinkLine is about one family of addresses.
func uplinkLine(u uplink.State, up bool, own netip.Prefix, next netip.Addr) string {
	state, address, gateway := "down", "-", "-"
	if up {
		state = "up"
	}
	if own.IsValid() {
		address = own.String()
	}
	if next.IsValid() {
		gateway = next.String()
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d", u.Name, state, cmp.Or(u.VRF, "main"), address, gateway, u.Metric, u.MTU)
}

// broken says that the box does not run the configuration it was given.
func broken(c api.Config) string {
	return fmt.Sprintf("%% The box runs without its configuration, %s is not usable:\n\n%s\n\n"+
		"%% Mend the file, try `config check %[1]s`, then `reboot`.\n", c.File, c.Problem)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
