//go:build vm

package interop

import (
	"fmt"
	"os"
	"testing"
)

// libreSwan is pluto, without its scripts.
type libreSwan struct{ daemon }

func newLibreSwan(t *testing.T, at namespace, c settings) peer {
	s := &libreSwan{daemon: daemon{t: t, at: at, root: "libreswan"}}
	right := "%any"
	if c.role == initiator {
		right = fmt.Sprintf("%s\n\trightid=%s", c.spoke, spokeWAN.Addr())
	}
	pfs := map[bool]string{true: "yes", false: "no"}[c.proposals.ours.PFS]
	s.write("/etc/ipsec.conf", fmt.Sprintf(`config setup
	uniqueids=no
	dnssec-enable=no

conn dmvpn
	type=transport
	authby=secret
	ikev2=insist
	left=%s
	leftprotoport=gre
	leftupdown=%%disabled
	right=%s
	rightprotoport=gre
	ike=%s
	esp=%s
	pfs=%s
	ikelifetime=24h
	salifetime=1h
	mobike=no
	narrowing=yes
	dpddelay=%d
	dpdaction=clear
	auto=add
`, peerWAN.Addr(), right, c.proposals.libreswan.ike, c.proposals.libreswan.esp, pfs, c.dpd))
	s.write("/etc/protocols", "gre 47 GRE\n")
	s.write("/etc/ipsec.secrets", fmt.Sprintf("%%any %%any : PSK %q\n", psk))
	return s
}

func (s *libreSwan) start() {
	s.t.Helper()
	const keys = "/var/lib/ipsec/nss"
	if _, err := os.Stat(s.path(keys)); err != nil {
		must(s.t, os.MkdirAll(s.path(keys), 0o700))
		s.ask("/usr/bin/certutil", "-N", "-d", "sql:"+keys, "--empty-password")
	}
	s.launch("/usr/libexec/ipsec/pluto", "--config", "/etc/ipsec.conf", "--nofork", "--stderrlog")
	// It listens only after it has read its connections, and reads its secrets then.
	s.tells(fmt.Sprintf("interface wan UDP %s:4500", peerWAN.Addr()), whack, "--status")
}

// whack is its console.
const whack = "/usr/libexec/ipsec/whack"

func (s *libreSwan) whack(args ...string) string {
	s.t.Helper()
	return s.ask(whack, args...)
}

func (s *libreSwan) initiate()   { s.whack("--initiate", "--name", "dmvpn", "--asynchronous") }
func (s *libreSwan) rekeyChild() { s.whack("--rekey-ipsec", "--name", "dmvpn") }
func (s *libreSwan) rekeyIKE()   { s.whack("--rekey-ike", "--name", "dmvpn") }

// reauthenticate: the daemon's console has no command for it but the one of its
// own tests.
func (s *libreSwan) reauthenticate() { s.whack("--impair", "event-v2-reauth:1") }
