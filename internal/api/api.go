// Package api is how one talks to the router process of a box: JSON over HTTP
// on a unix socket that only root opens. Who may open the socket may do
// everything, so there is no other authentication, and the socket must never
// be reachable from the network.
//
//	GET  /status            Status
//	GET  /cellular          []cellular.Status: the modems, asked anew where they answer within a second
//	GET  /path?to=ADDRESS   []Path
//	GET  /config            the text of the running configuration, without secrets
//	POST /reboot            restart the box, 202 at once
//	POST /factory-reset     erase the owner's data and restart the box, 202 when that is ordered
//
// A new configuration of the firewall is the body of a request, the whole file;
// the name it has on the disk of who sends it is for messages.
//
//	POST   /firewall/check?name=NAME                   firewall.Change: what it would change
//	POST   /firewall/commit?name=NAME                  firewall.Change: what it has changed
//	GET    /firewall/log                               []firewall.Logged: the last packets it logged
//	GET    /firewall/addresses?group=GROUP             the addresses in a group that is filled at run time
//	POST   /firewall/addresses?group=GROUP&address=A   put one in
//	DELETE /firewall/addresses?group=GROUP&address=A   take one out
package api

import (
	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/lockdown"
	"github.com/farspoke/farspoke/internal/uplink"
)

// Socket is where the router process listens on the box.
const Socket = "/run/farspoke/control.sock"

// Status is the box at one moment.
type Status struct {
	Hostname string `json:"hostname"`
	Version  string `json:"version"`
	// Uptime counts from the start of the kernel, in seconds.
	Uptime float64 `json:"uptime-seconds"`
	// Goroutines is how many the router process has; one that grows without
	// bound has a leak.
	Goroutines int `json:"goroutines"`
	// Boot is how the box has started, zero if not from a slot of its disk.
	Boot bootstate.Report `json:"boot,omitzero"`
	// Lockdown is how far the box is closed, as its kernel says when it is asked.
	Lockdown lockdown.State `json:"lockdown"`
	Config   Config         `json:"config"`
	// Milestones are what happened first after the start, in their order.
	Milestones []Milestone    `json:"milestones,omitempty"`
	Uplinks    []uplink.State `json:"uplinks,omitempty"`
	// Modems are as they were last seen.
	Modems []cellular.Status `json:"modems,omitempty"`
	// IPsec has one entry per VRF in which IKE runs.
	IPsec    []ikev2.Status  `json:"ipsec,omitempty"`
	Tunnels  []dmvpn.Status  `json:"tunnels,omitempty"`
	Firewall firewall.Status `json:"firewall,omitzero"`
}

// Path says which way traffic takes that a tunnel may carry.
type Path struct {
	Tunnel string `json:"tunnel"`
	// Text says it in a sentence, and why it is not the direct way.
	Text string `json:"text"`
}

// Config says which configuration is running.
type Config struct {
	// File is where it was read from.
	File string `json:"file"`
	// Problem is the whole report when the file is missing or has errors, and
	// the box runs on its fallback. It is empty when all is well.
	Problem string `json:"problem,omitempty"`
}

// Milestone is a step towards carrying traffic.
type Milestone struct {
	// Name is lease, ike, nhrp and the like.
	Name string `json:"name"`
	// At counts from the start of the kernel, in seconds.
	At float64 `json:"at-seconds"`
}

// failure is the body of an answer other than 2xx.
type failure struct {
	Error string `json:"error"`
}
