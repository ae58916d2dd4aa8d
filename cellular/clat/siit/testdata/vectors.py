# Writes vectors.txt: packets of IPv4 and what each is in IPv6, both of them spelt
# out, with Scapy's checksums.  python3 vectors.py > vectors.txt
from scapy.all import *
from scapy.layers.inet6 import *

us4, us6 = "192.0.0.1", "2001:db8:1::464"
far4, far6 = "198.51.100.7", "64:ff9b::198.51.100.7"
router6 = "2001:db8:ffff::1"  # without an address in IPv4
TCPs = dict(sport=40000, dport=443, seq=7, ack=9, flags="PA", options=[("NOP", None), ("NOP", None), ("Timestamp", (1, 2))])

def out4(**k): return IP(src=us4, dst=far4, **k)
def out6(**k): return IPv6(src=us6, dst=far6, **k)
def in4(**k): return IP(src=far4, dst=us4, id=1, **k)
def in6(**k): return IPv6(src=far6, dst=us6, **k)

def udp(x): return UDP(sport=4500, dport=4500) / Raw(x)
def part(x): return Raw(bytes(x))

# The checksum of a packet in parts is that of the whole.
def whole(ip, p): return raw((ip / p))[-len(raw(p)):]
long = UDP(sport=4500, dport=4500) / Raw(bytes(range(256)) * 8)
w4, w6 = whole(out4(), long), whole(out6(), long)
v4, v6 = whole(in4(), long), whole(in6(), long)

# A packet that an error quotes has its own checksum.
def quoted(ip, p, n=None): return Raw(raw(ip / p)[:n])
asked = ICMP(type=8, id=5, seq=6) / Raw(b"ping")
asked6 = ICMPv6EchoRequest(id=5, seq=6, data=b"ping")

vectors = [
 ("TCP", ">", out4(ttl=61, tos=0xb9, id=77, flags="DF") / TCP(**TCPs) / b"question", out6(hlim=61, tc=0xb9) / TCP(**TCPs) / b"question"),
 ("TCP", "<", in4(ttl=50, tos=0x2e) / TCP(**TCPs) / b"answer", in6(hlim=50, tc=0x2e, fl=0xabcde) / TCP(**TCPs) / b"answer"),
 ("TCP of more than 1260 octets", "<", in4(flags="DF") / TCP(**TCPs) / (b"x" * 1221), in6() / TCP(**TCPs) / (b"x" * 1221)),
 ("UDP, odd", ">", out4() / udp(b"abc"), out6() / udp(b"abc")),
 ("UDP, odd", "<", in4() / udp(b"abc"), in6() / udp(b"abc")),
 ("UDP without a checksum", ">", out4() / UDP(sport=4500, dport=4500, chksum=0) / b"ESP in UDP", out6() / udp(b"ESP in UDP")),
 ("UDP without a checksum", "<", in4() / UDP(sport=4500, dport=4500, chksum=0) / b"ESP in UDP", in6() / UDP(sport=4500, dport=4500, chksum=0) / b"ESP in UDP"),
 ("ESP", ">", out4(proto=50) / part(range(40)), out6(nh=50) / part(range(40))),
 ("ESP", "<", in4(proto=50) / part(range(40)), in6(nh=50) / part(range(40))),
 ("options", ">", IP(src=us4, dst=far4, options=[IPOption_Router_Alert(), IPOption_NOP(), IPOption_EOL()]) / udp(b"abcd"), out6() / udp(b"abcd")),
 ("first fragment", ">", out4(id=0xbeef, flags="MF", proto=17) / part(w4[:1024]), out6() / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=0xbeef) / part(w6[:1024])),
 ("last fragment", ">", out4(id=0xbeef, frag=128, proto=17) / part(w4[1024:]), out6() / IPv6ExtHdrFragment(nh=17, offset=128, m=0, id=0xbeef) / part(w6[1024:])),
 ("first fragment", "<", IP(src=far4, dst=us4, id=0xbeef, flags="MF", proto=17) / part(v4[:1024]), in6() / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=0x1234beef) / part(v6[:1024])),
 ("last fragment", "<", IP(src=far4, dst=us4, id=0xbeef, frag=128, proto=17) / part(v4[1024:]), in6() / IPv6ExtHdrFragment(nh=17, offset=128, m=0, id=0x1234beef) / part(v6[1024:])),
 ("one fragment alone", "<", IP(src=far4, dst=us4, id=0xbeef) / udp(b"abcd"), in6() / IPv6ExtHdrFragment(nh=17, id=0x1234beef) / udp(b"abcd")),
 ("extension headers", "<", in4() / udp(b"abcd"), in6() / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 12)]) / IPv6ExtHdrRouting(segleft=0, addresses=[far6]) / IPv6ExtHdrDestOpt() / udp(b"abcd")),
 ("echo request", ">", out4() / ICMP(type=8, id=3, seq=4) / b"ping!", out6() / ICMPv6EchoRequest(id=3, seq=4, data=b"ping!")),
 ("echo reply", "<", in4() / ICMP(type=0, id=3, seq=4) / b"ping!", in6() / ICMPv6EchoReply(id=3, seq=4, data=b"ping!")),
 ("echo request", "<", in4() / ICMP(type=8, id=3, seq=4) / b"ping!", in6() / ICMPv6EchoRequest(id=3, seq=4, data=b"ping!")),
 ("echo reply", ">", out4() / ICMP(type=0, id=3, seq=4) / b"ping!", out6() / ICMPv6EchoReply(id=3, seq=4, data=b"ping!")),
 ("port unreachable", ">", out4() / ICMP(type=3, code=3) / quoted(IP(src=far4, dst=us4, id=9, ttl=3), udp(b"closed")), out6() / ICMPv6DestUnreach(code=4) / quoted(in6(hlim=3), udp(b"closed"))),
 ("port unreachable", "<", in4() / ICMP(type=3, code=3) / quoted(out4(id=0, ttl=3, flags="DF"), udp(b"closed")), in6() / ICMPv6DestUnreach(code=4) / quoted(out6(hlim=3), udp(b"closed"))),
 ("port unreachable, quote cut", "<", in4() / ICMP(type=3, code=3) / quoted(out4(id=0, flags="DF", len=65), udp(b"c" * 37), 28), in6() / ICMPv6DestUnreach(code=4) / quoted(out6(), udp(b"c" * 37), 48)),
 ("unreachable, echo quoted", "<", in4() / ICMP(type=3, code=1) / quoted(out4(id=0, flags="DF"), asked), in6() / ICMPv6DestUnreach(code=3) / quoted(out6(), asked6)),
 ("time exceeded at a router of the network", "<", IP(src="192.0.0.8", dst=us4, id=1) / ICMP(type=11) / quoted(out4(id=0, ttl=1, flags="DF"), udp(b"trace")), IPv6(src=router6, dst=us6) / ICMPv6TimeExceeded() / quoted(out6(hlim=1), udp(b"trace"))),
 ("too big", "<", in4() / ICMP(type=3, code=4, nexthopmtu=1380) / quoted(out4(id=0, flags="DF"), TCP(**TCPs)), in6() / ICMPv6PacketTooBig(mtu=1400) / quoted(out6(), TCP(**TCPs))),
 ("too big, fragment quoted", "<", in4() / ICMP(type=3, code=4, nexthopmtu=1372) / quoted(out4(id=9, frag=10, proto=17), part(range(64))), in6() / ICMPv6PacketTooBig(mtu=1400) / quoted(out6() / IPv6ExtHdrFragment(nh=17, offset=10, id=9), part(range(64)))),
 ("fragmentation needed", ">", out4() / ICMP(type=3, code=4, nexthopmtu=1400) / quoted(IP(src=far4, dst=us4, flags="DF"), TCP(**TCPs)), out6() / ICMPv6PacketTooBig(mtu=1420) / quoted(in6(), TCP(**TCPs))),
 ("fragmentation needed, too small for IPv6", ">", out4() / ICMP(type=3, code=4, nexthopmtu=576) / quoted(IP(src=far4, dst=us4, flags="DF"), TCP(**TCPs)), out6() / ICMPv6PacketTooBig(mtu=1280) / quoted(in6(), TCP(**TCPs))),
 ("protocol unreachable", ">", out4() / ICMP(type=3, code=2) / quoted(IP(src=far4, dst=us4, proto=50), part(range(16))), out6() / ICMPv6ParamProblem(code=1, ptr=6) / quoted(in6(nh=50), part(range(16)))),
 ("protocol unreachable", "<", in4() / ICMP(type=3, code=2) / quoted(out4(id=0, flags="DF", proto=50), part(range(16))), in6() / ICMPv6ParamProblem(code=1, ptr=6) / quoted(out6(nh=50), part(range(16)))),
]
for name, direction, p4, p6 in vectors:
    print(name, direction, raw(p4).hex(), raw(p6).hex(), sep="\t")
