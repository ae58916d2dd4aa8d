// Package apn says which APN to try next with a SIM, and why. It does nothing by
// itself: what is known goes in, a [Choice] with its reason in words comes out.
//
// The order is: what has worked with this SIM before, nothing at all (the network
// decides), then the database of providers that is compiled in. A configured APN
// stands instead of all of these: whoever has configured one is not second-guessed,
// and is told why the network refused it. The APN that the modem asks for when it
// registers (the attach APN) and the one of a data connection are chosen apart, as
// they often differ; for the former, what the modem holds by itself is left alone
// until a network has refused it.
//
// What a network gives as the cause of its refusal decides what comes next: another
// family of addresses, another way to prove the password, another APN, or
// patience. The rules are those of 3GPP TS 24.008, 24.301 and 24.501 where these have any.
//
// The database is that of Debian's package mobile-broadband-provider-info, which is
// in the public domain. It is dated and incomplete, hence its place in the order. It
// has no group identifiers (GID1): virtual operators are found by the name that
// their SIM carries.
package apn

//go:generate go run ./generate -output providers.txt
