package session

import (
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// collision is what two Sessions do to each other.
type collision struct {
	name       string
	spoke, hub Config
	// one and other are what the two sides do, one after another, at any time.
	one, other []command
	// from is how they begin.
	from beginning
	// both says that either side opens what it lacks, and not the spoke alone;
	// neither that nobody does.
	both, neither bool
	// later is the hub's Config once the IKE SA is up, if it is another.
	later *Config
	// race says that the nonces decide.
	race bool
	// brief says that child SAs live for a minute and a half.
	brief bool
	// gap is how long traffic may stand still; 0 is never.
	gap Instant
	// left is what there is in the end.
	left remains
}

// beginning is what there is at first; its zero value is all.
type beginning int

const (
	// childless: there is an IKE SA and no child SA.
	childless beginning = iota + 1
	// apart: there is nothing.
	apart
)

type remains int

const (
	everything remains = iota
	ikeOnly
	nothing
)

var (
	always   = func(*Session) bool { return true }
	hasChild = func(s *Session) bool { return s.current() != nil }
	isUp     = func(s *Session) bool { return s.up() != nil }
	isFree   = func(s *Session) bool { return s.up() != nil && s.up().Request == nil && len(s.state.Children) > 0 }
	hasTwo   = func(s *Session) bool { return isFree(s) && len(s.state.Children) > 1 }

	want           = command{"wants an SA", always, func(s *Session) { s.state.Wanted, s.state.Closing = true, false }}
	rekeyChild     = command{"rekeys the child SA", hasChild, func(s *Session) { s.current().RekeyAt = s.now }}
	rekeyIKE       = command{"rekeys the IKE SA", isUp, func(s *Session) { s.up().RekeyAt = s.now }}
	createAnother  = command{"makes another child SA", isFree, func(s *Session) { s.createChild(s.up()) }}
	reauthenticate = command{"authenticates anew", isUp, func(s *Session) { s.state.Renew, s.state.RetryAt = true, s.now }}
	softExpire     = command{"wants to rekey the oldest child SA", hasTwo, func(s *Session) { s.state.Children[0].RekeyAt = s.now }}
	hardExpire     = command{"comes to the end of the oldest child SA", hasChild, func(s *Session) { s.state.Children[0].HardAt = s.now }}
	deleteChild    = command{"deletes the child SA", hasChild, func(s *Session) {
		c := s.current()
		s.retire(c)
		c.Delete = true
	}}
	deleteIKE = command{"deletes the IKE SA", isUp, func(s *Session) { s.close(s.up()) }}
	farewell  = command{"says good-bye", isUp, func(s *Session) { s.goodbye() }}
	loseChild = command{"loses the child SA", hasChild, func(s *Session) { s.removeChild(s.current()) }}
	forgetAll = command{"restarts with no state", isUp, func(s *Session) {
		for _, c := range s.children() {
			s.removeChild(c)
		}
		s.state = State{Peer: s.state.Peer, Local: s.state.Local, Wanted: s.state.Wanted}
	}}
	deleteUnknown = command{"deletes a child SA that is none", isFree, func(s *Session) {
		s.ask(s.up(), &request{Kind: askDeleteChild}, wire.Informational, wire.Delete{Protocol: wire.ProtocolESP, SPIs: []uint32{0x01020304}})
	}}
	deleteNewest = command{"deletes the newest child SA", hasTwo, func(s *Session) {
		c := s.state.Children[len(s.state.Children)-1]
		s.retire(c)
		c.Delete = true
	}}
	rekeyOldest = command{"rekeys the oldest child SA, whatever became of it", isFree, func(s *Session) {
		s.rekeyChild(s.up(), s.state.Children[0], 0)
	}}
)

func does(all ...command) []command { return all }

func collisions(t *testing.T) []collision {
	c := config(t, testIKE, testESP)
	c.Lifetime, c.IKELifetime = 2*time.Hour, 24*time.Hour
	twoGroups := config(t, "aes256gcm16-prfsha256-curve25519-ecp256", testESP).IKE
	otherGroup := c
	otherGroup.IKE = config(t, "aes256gcm16-prfsha256-ecp256", testESP).IKE
	agile := c
	agile.IKE = twoGroups
	pfs, pfsOther := c, c
	pfs.PFS, pfs.ESP = true, config(t, testIKE, "aes256gcm16-ecp256-curve25519").ESP
	pfsOther.PFS, pfsOther.ESP = true, config(t, testIKE, "aes256gcm16-curve25519").ESP

	// A peer that lost something tells so when it is asked, at the latest for
	// liveness: DPD and a few repetitions.
	const noticed = 80 * time.Second
	all := []collision{
		{name: "IKE rekey", one: does(rekeyIKE)},
		{name: "IKE rekey twice", one: does(rekeyIKE, rekeyIKE)},
		{name: "IKE rekey, KE invalid", spoke: agile, hub: agile, later: &otherGroup, one: does(rekeyIKE)},
		{name: "IKE rekey collision", race: true, one: does(rekeyIKE), other: does(rekeyIKE)},
		{name: "IKE rekey collision, KE invalid", race: true, spoke: agile, hub: agile, later: &otherGroup, one: does(rekeyIKE), other: does(rekeyIKE)},
		{name: "IKE rekey against delete", one: does(rekeyIKE), other: does(deleteIKE), gap: noticed},
		{name: "IKE rekey against good-bye", one: does(rekeyIKE), other: does(farewell), neither: true, gap: 9 * time.Hour, left: nothing},
		{name: "IKE delete", one: does(deleteIKE), gap: noticed},
		{name: "IKE delete against delete", one: does(deleteIKE), other: does(deleteIKE), gap: noticed},
		{name: "IKE good-bye of both", one: does(farewell), other: does(farewell), neither: true, gap: 9 * time.Hour, left: nothing},

		{name: "child rekey", one: does(rekeyChild)},
		{name: "child rekey twice", one: does(rekeyChild, rekeyChild)},
		{name: "child rekey, PFS, KE invalid", spoke: pfs, hub: pfsOther, one: does(rekeyChild)},
		{name: "child rekey, responder wants to as well", one: does(rekeyChild), other: does(softExpire)},
		{name: "child rekey, responder comes to its end", one: does(rekeyChild), other: does(hardExpire), gap: noticed},
		{name: "child rekey, responder deletes", one: does(rekeyChild), other: does(deleteChild), gap: noticed},
		{name: "child rekey, responder deletes the new one", one: does(rekeyChild), other: does(deleteNewest), gap: noticed},
		{name: "child rekey, responder lost it", one: does(rekeyChild), other: does(loseChild), gap: 100 * time.Second, brief: true},
		{name: "child rekey, responder deletes what there is not", one: does(rekeyChild), other: does(deleteUnknown)},
		{name: "child rekey collision", race: true, one: does(rekeyChild), other: does(rekeyChild)},
		{name: "child rekey collision and one more", race: true, one: does(rekeyChild, rekeyChild), other: does(rekeyChild)},
		{name: "child rekey collision, PFS, KE invalid", race: true, spoke: pfs, hub: pfsOther, one: does(rekeyChild), other: does(rekeyChild)},
		{name: "child rekey collision, wrong delete", race: true, one: does(rekeyChild, deleteUnknown), other: does(rekeyChild)},
		{name: "child rekey by a confused peer", race: true, one: does(rekeyChild, rekeyOldest)},
		{name: "child delete", one: does(deleteChild), gap: noticed},
		{name: "child delete against delete", one: does(deleteChild), other: does(deleteChild), gap: noticed},
		{name: "child delete, nobody wants another", one: does(deleteChild), neither: true, gap: 9 * time.Hour, left: ikeOnly},
		{name: "child delete against delete, nobody wants another", one: does(deleteChild), other: does(deleteChild), neither: true, gap: 9 * time.Hour, left: ikeOnly},
		{name: "child rekey against IKE rekey", one: does(rekeyChild), other: does(rekeyIKE)},
		{name: "child rekey against IKE delete", one: does(rekeyChild), other: does(deleteIKE), gap: noticed},
		{name: "child delete against IKE rekey", one: does(deleteChild), other: does(rekeyIKE), gap: noticed},
		{name: "child create by both", race: true, from: childless, both: true, gap: noticed},
		{name: "child create beside another", one: does(createAnother)},
		{name: "child create beside another against rekey", one: does(createAnother), other: does(rekeyChild)},
		{name: "child create against IKE rekey", from: childless, other: does(rekeyIKE), gap: noticed},

		{name: "opened by one", from: apart, gap: noticed},
		{name: "opened by both", from: apart, both: true, gap: noticed},
		{name: "reauthentication, new before old", one: does(reauthenticate)},
		{name: "reauthentication, new before old, by both", one: does(reauthenticate), other: does(reauthenticate)},
		{name: "reauthentication, old before new", one: does(deleteIKE), both: true, gap: noticed},
		{name: "reauthentication against IKE rekey", one: does(reauthenticate), other: does(rekeyIKE)},
		{name: "reauthentication against child rekey", one: does(reauthenticate), other: does(rekeyChild)},
		{name: "peer restarted with no state", one: does(forgetAll), gap: noticed},
		{name: "peer restarted with no state and opens", one: does(forgetAll), both: true, gap: noticed},
		{name: "both restarted with no state", one: does(forgetAll), other: does(forgetAll), both: true, gap: noticed},
	}
	for i := range all {
		if all[i].spoke.PSK == "" {
			all[i].spoke, all[i].hub = c, c
		}
		all[i].spoke.DPD, all[i].hub.DPD = 50*time.Second, 55*time.Second
		if all[i].brief {
			all[i].spoke.Lifetime, all[i].hub.Lifetime = 90*time.Second, 90*time.Second
		}
	}
	return all
}
