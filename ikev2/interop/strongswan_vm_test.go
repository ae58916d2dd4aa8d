//go:build vm

package interop

import (
	"fmt"
	"net/netip"
	"testing"
)

// strongSwan is charon, without systemd.
type strongSwan struct{ daemon }

func newStrongSwan(t *testing.T, at namespace, c settings) peer {
	return newStrongSwanFrom(t, strongSwanRoot, at, peerWAN.Addr(), c)
}

// strongSwanRoot is the root file system that the VM has it in.
const strongSwanRoot = "strongswan"

// newStrongSwanFrom returns one that runs from a root file system of the given
// name and has the local address.
func newStrongSwanFrom(t *testing.T, root string, at namespace, local netip.Addr, c settings) *strongSwan {
	s := &strongSwan{daemon: daemon{t: t, at: at, root: root}}
	cookies := 30 // the default
	if c.cookies {
		cookies = 1
	}
	log := 1
	if c.quiet {
		log = -1
	}
	s.write("/etc/strongswan.conf", fmt.Sprintf(`
		charon-systemd {
			cookie_threshold = %d
			half_open_timeout = 3600
			load = random nonce openssl hmac kdf gcm aes sha1 sha2 kernel-netlink socket-default vici
			install_routes = no
			filelog {
				stderr { default = %d }
			}
		}
		swanctl { load = random openssl }
	`, cookies, log))
	remote := "%any"
	if c.role == initiator {
		remote = c.spoke.String()
	}
	s.write("/etc/swanctl/swanctl.conf", fmt.Sprintf(`
		connections {
			dmvpn {
				version = 2
				local_addrs = %[1]s
				remote_addrs = %[2]s
				proposals = %[3]s
				mobike = no
				unique = replace
				send_certreq = no
				dpd_delay = %[6]ds
				rekey_time = 24h
				local  { auth = psk
				         id = %[1]s }
				remote { auth = psk
				         id = %%any }
				children {
					gre {
						mode = transport
						local_ts  = dynamic[47]
						remote_ts = dynamic[47]
						esp_proposals = %[4]s
						rekey_time = 1h
						start_action = none
						dpd_action = clear
					}
				}
			}
		}
		secrets { ike { id = %%any
		                secret = %[5]q } }
	`, local, remote, c.proposals.strongSwan.ike, c.proposals.strongSwan.esp, psk, c.dpd))
	return s
}

func (s *strongSwan) start() {
	s.t.Helper()
	s.launch("/usr/sbin/charon-systemd")
	s.tells("uptime", swanctl, "--stats")
	s.swanctl("--load-all", "--noprompt")
}

// swanctl is its console.
const swanctl = "/usr/sbin/swanctl"

func (s *strongSwan) swanctl(args ...string) {
	s.t.Helper()
	s.ask(swanctl, args...)
}

func (s *strongSwan) initiate() {
	// It waits for the outcome, which shows in our SAs as well.
	said, _ := s.at.run(command(s.root, swanctl, "--initiate", "--child", "gre"))
	fmt.Fprintln(s.t.Output(), said)
}

func (s *strongSwan) rekeyChild()     { s.swanctl("--rekey", "--child", "gre") }
func (s *strongSwan) rekeyIKE()       { s.swanctl("--rekey", "--ike", "dmvpn") }
func (s *strongSwan) reauthenticate() { s.swanctl("--rekey", "--ike", "dmvpn", "--reauth") }
