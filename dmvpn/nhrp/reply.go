package nhrp

import "slices"

// Reply returns the reply to the request p as a responder begins it: all of the
// request under the type of the reply, with a hop count of its own. It holds
// every extension of the request in its place, known or not (RFC 2332, 5.2.2
// and 5.3). A purge reply needs no more (5.2.6). In others the responder puts its
// verdict, flags and addresses into the entries, and in all it replaces what is
// authenticated hop by hop, by [Packet.SetExtension].
func (p *Packet) Reply() *Packet {
	reply := *p
	reply.Type++ // each reply has the number after its request
	reply.Hops = MaxHops
	reply.CIEs = slices.Clone(p.CIEs)
	reply.Extensions = slices.Clone(p.Extensions)
	return &reply
}

// SetExtension puts e in the place of the extensions of its type, behind all
// others if there are none. No type may occur twice (RFC 2332, 5.3) but the
// vendor-private one, for which SetExtension is not made.
func (p *Packet) SetExtension(e Extension) {
	same := func(other Extension) bool { return other.Type == e.Type }
	i := slices.IndexFunc(p.Extensions, same)
	if i < 0 {
		i = len(p.Extensions)
	}
	p.Extensions = slices.Insert(slices.DeleteFunc(p.Extensions, same), i, e)
}
