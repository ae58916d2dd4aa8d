package session

import (
	"fmt"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// Config is what both sides must agree on, ready to use.
type Config struct {
	// LocalID is how we name ourselves; its zero value means our address, which
	// is known only when an attempt begins.
	LocalID wire.ID
	// RemoteID is what the peer must prove to be; its zero value means its
	// address. AnyRemoteID accepts whoever knows the key.
	RemoteID    wire.ID
	AnyRemoteID bool
	// PSK is the pre-shared key, and PSKName what operators call it.
	PSK, PSKName string

	IKE suite.Offer
	// ESP is for child SAs. With PFS each rekey brings fresh key exchange, in
	// ESP's groups or else in the group of the IKE SA.
	ESP suite.Offer
	PFS bool

	// Lifetime and IKELifetime bound the keys of child and IKE SAs.
	Lifetime, IKELifetime time.Duration
	// DPD is after how long a silence the peer is asked whether it lives.
	DPD time.Duration
	// StartNAT begins at port 4500, for a path on which port 500 is filtered or a
	// NAT treats it specially.
	StartNAT bool
}

// String names the parties and not the key.
func (c Config) String() string { return "IKE as " + c.LocalID.String() }

// GoString names the parties and not the key.
func (c Config) GoString() string { return c.String() }

const (
	// minRetry and maxRetry bound the pause between attempts that the peer refuses.
	minRetry = time.Second
	maxRetry = 30 * time.Second
	// hurriedFailures is after how many failures traffic that waits does not
	// shorten the pause any more.
	hurriedFailures = 3
	// hintPatience is how long a refusal that anyone could have sent is
	// mistrusted: a real answer may be on its way. The request is repeated
	// meanwhile, every hintRepeat: a hub that has just started refuses everybody
	// until it has read its configuration.
	hintPatience = 2 * time.Second
	hintRepeat   = 400 * time.Millisecond
	// hintPause is for how long after the peer proved that it lives nobody is
	// believed who says the contrary without proof.
	hintPause = 2 * time.Second
	// busyPause follows TEMPORARY_FAILURE. A peer that answers nothing else for
	// busyLimit has lost the thread.
	busyPause = 4 * time.Second
	busyLimit = 3 * time.Minute
	// drainTime is how long a replaced inbound child SA stays for packets that
	// are on their way.
	drainTime = 5 * time.Second
	// readyTime is how long a peer that asked for an SA has to read our answer
	// before we send on it, while there is another.
	readyTime = 2 * time.Second
	// lingerTime is how long an SA that the peer ought to delete stays in use.
	lingerTime = 30 * time.Second
	// halfOpenTime is how long a peer has to follow IKE_SA_INIT by IKE_AUTH.
	halfOpenTime = 30 * time.Second
	// maxRounds bounds how often IKE_SA_INIT is repeated for a cookie or another
	// group.
	maxRounds = 3
	maxCookie = 64
	// maxCopies is how often a request with a cookie leaves before another cookie
	// says that the peer refuses it.
	maxCopies = 2
	// maxMessageID is at which message id an IKE SA is rekeyed: long before the
	// 32 bits overflow (RFC 7296 section 2.2).
	maxMessageID = 1 << 31
	protoGRE     = 47
)

// peer returns the peer's name for messages, by which the operator knows it, and
// its address.
func (s *Session) peer() string {
	if s.config.RemoteID.Form == 0 {
		return s.state.Peer.String()
	}
	return fmt.Sprintf("%s (%s)", s.config.RemoteID, s.state.Peer)
}

// firstOffer is for a child SA that IKE_AUTH makes: it has no key exchange of
// its own (RFC 7296 section 1.2).
func (c *Config) firstOffer() suite.Offer { return c.ESP.WithGroups() }

// rekeyOffer is for a child SA that CREATE_CHILD_SA makes in an IKE SA of the
// given group.
func (c *Config) rekeyOffer(group suite.GroupID) suite.Offer {
	if !c.PFS {
		return c.ESP.WithGroups()
	}
	if groups := c.ESP.Groups(); len(groups) > 0 {
		return c.ESP.WithGroups(groups...)
	}
	return c.ESP.WithGroups(group)
}
