package athost

import (
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// maker is what a maker's modems do otherwise than the standard has it, or what the
// standard leaves open. The zero value keeps to the standard.
type maker struct {
	// words are what +CGMI has in it, in lower case.
	words []string
	// iccid is a command for the number of the SIM.
	iccid string
	// attempts says how to ask for how many wrong PINs the SIM still takes.
	attempts attempts
	// slot is the name of the command for the SIM slot in use.
	slot string
	// authenticate is the command that gives a context its user and password.
	authenticate func(cid int, apn modem.APN) (name string, params []at.Value)
	path         path
	// signal is a command whose answer signalOf reads.
	signal   string
	signalOf func(at.Params) modem.Signal
	// serving is a command whose answer has the band and the channel.
	serving   string
	servingOf func(at.Params) (band string, channel uint32)
	// technologies is the command that restricts the modem to some.
	technologies func([]modem.Technology) (name string, params []at.Value, ok bool)
}

// path is how packets get between a context and the network device of USB. %d in
// commands is the number of the context.
type path struct {
	// up and down are the commands; without them the context itself is activated.
	up, down string
	// state is a command whose answer active reads; known is false if the answer does
	// not tell.
	state  string
	active func(at.Params) (active, known bool)
	// lease is a command whose answer has the addresses that hold on the network device,
	// which leaseOf reads: the host need not ask by DHCP.
	lease   string
	leaseOf func(at.Params) (lease, bool)
	// bridge is a command whose answer begins with 2 if the host takes the address that
	// the network gave to the context. Else, and without one, it asks by DHCP.
	bridge string
}

// attempts is a question and where its answer has the numbers for the PIN and the
// PUK.
type attempts struct {
	command, name string
	pin, puk      int
}

// standard is what unknown makers get.
var standard = maker{}

// makers are sorted by name. The sources are the makers' AT command manuals, and of
// what manuals leave open ModemManager's and OpenWrt's public tables (plugins/,
// comgt/files/ncm.json) and logs of users.
var makers = []maker{
	{
		// Mobile Broadband Modules Integrator's Manual (*ENAP, *E2IPCFG, *EIAAUW).
		words: []string{"ericsson", "sony"},
		path:  path{up: "*ENAP=1,%d", down: "*ENAP=0", state: "*ENAP?", active: is(0, 1), lease: "*E2IPCFG?", leaseOf: ericssonLease},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "*EIAAUW", []at.Value{at.Int(cid), at.Int(1), at.Text(apn.User), at.Text(string(apn.Password)), at.Bare(ericssonAuth[apn.Auth])}
		},
	},
	{
		// FIBOCOM L610/NL668/FM150 AT Commands: +GTRNDIS, whose answer has the address
		// behind the state.
		words: []string{"fibocom"},
		iccid: "+CCID",
		path:  path{up: "+GTRNDIS=1,%d", down: "+GTRNDIS=0,%d", state: "+GTRNDIS?", active: is(0, 1)},
	},
	{
		// HUAWEI ME909s LTE Module AT Command Interface Specification; MeiG follows it.
		words:    []string{"huawei", "meig"},
		iccid:    "^ICCID?",
		attempts: attempts{command: "^CPIN?", name: "^CPIN", pin: 3, puk: 2},
		path: path{
			up: "^NDISDUP=%d,1", down: "^NDISDUP=%d,0", state: "^NDISSTATQRY?", active: is(0, 1, 4),
			lease: "^DHCP?", leaseOf: huaweiLease,
		},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			// The password comes before the user; between them and the kind is the PLMN.
			return "^AUTHDATA", []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth]), at.Text(""), at.Text(string(apn.Password)), at.Text(apn.User)}
		},
		signal: "^HCSQ?", signalOf: huaweiSignal,
	},
	{
		// Quectel EC200x, EG91x, EC2x AT Commands Manuals. +QNETDEVCTL is not on those
		// whose network device follows the first context by itself (EC25 in ECM mode).
		words:    []string{"quectel"},
		iccid:    "+QCCID",
		attempts: attempts{command: `+QPINC="SC"`, name: "+QPINC", pin: 1, puk: 2},
		slot:     "+QUIMSLOT",
		path:     path{up: "+QNETDEVCTL=1,%d,1", down: "+QNETDEVCTL=0,%d,0", state: "+QNETDEVCTL?", active: quectelActive},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "+QICSGP", []at.Value{at.Int(cid), at.Int(quectelFamilies[apn.Families]), at.Text(apn.Name), at.Text(apn.User), at.Text(string(apn.Password)), at.Int(authNumber[apn.Auth])}
		},
		signal: "+QCSQ", signalOf: quectelSignal,
		serving: "+QNWINFO", servingOf: quectelServing,
		technologies: quectelTechnologies,
	},
	{
		// Sierra Wireless AirPrime AT Command Reference; OpenWrt's ncm.json for $QCPDPP,
		// whose password comes before the user.
		words:    []string{"sierra"},
		iccid:    "+ICCID",
		attempts: attempts{command: "+CPINC?", name: "+CPINC", pin: 0, puk: 2},
		path:     path{up: "!SCACT=1,%d", down: "!SCACT=0,%d", state: "!SCACT?%d", active: is(1, 1)},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "$QCPDPP", []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth]), at.Text(string(apn.Password)), at.Text(apn.User)}
		},
	},
	{
		// SIMCom SIM7500/SIM7600 and A76XX AT Command Manuals: +CGAUTH with the password
		// before the user. The network device follows the first context by itself.
		words:    []string{"simcom", "simtech"},
		iccid:    "+CICCID",
		attempts: attempts{command: "+SPIC", name: "+SPIC", pin: 0, puk: 1},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "+CGAUTH", []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth]), at.Text(string(apn.Password)), at.Text(apn.User)}
		},
	},
	{
		// Telit LE910Cx AT Commands Reference Guide. #PCT is about what the SIM wants now.
		words:    []string{"telit", "cinterion", "thales", "gemalto"},
		iccid:    "+CCID",
		attempts: attempts{command: "#PCT", name: "#PCT"},
		path:     path{up: "#ECM=%d,0", down: "#ECMD=0", state: "#ECM?", active: is(1, 1)},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "#PDPAUTH", []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth]), at.Text(apn.User), at.Text(string(apn.Password))}
		},
	},
	{
		// u-blox Cellular Modules AT Commands Manual. Whether the modem is a router that
		// answers DHCP (1) or a bridge (2) is set for good by +UBMCONF.
		words:    []string{"u-blox"},
		iccid:    "+CCID",
		attempts: attempts{command: "+UPINCNT", name: "+UPINCNT", pin: 0, puk: 2},
		authenticate: func(cid int, apn modem.APN) (string, []at.Value) {
			return "+UAUTHREQ", []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth]), at.Text(apn.User), at.Text(string(apn.Password))}
		},
		path: path{bridge: "+UBMCONF?"},
	},
	{
		// OpenWrt's ncm.json.
		words: []string{"zte", "mikrotik", "marvell"},
		path:  path{up: "+ZGACT=1,%d", down: "+ZGACT=0,%d"},
	},
}

// makerOf returns what is known of a maker by what +CGMI says, or ATI.
func makerOf(manufacturer string) *maker {
	manufacturer = strings.ToLower(manufacturer)
	for i := range makers {
		for _, word := range makers[i].words {
			if strings.Contains(manufacturer, word) {
				return &makers[i]
			}
		}
	}
	return &standard
}

// authNumber is the number of a kind of authentication in +CGAUTH, and in most
// makers' commands.
var authNumber = map[modem.Auth]int{modem.NoAuth: 0, modem.PAP: 1, modem.CHAP: 2, modem.MSCHAPv2: 2}

// ericssonAuth are bits for none, PAP, CHAP and MSCHAPv2, from the right.
var ericssonAuth = map[modem.Auth]string{modem.NoAuth: "00001", modem.PAP: "00010", modem.CHAP: "00100", modem.MSCHAPv2: "01000"}

var quectelFamilies = map[modem.Families]int{modem.AnyFamily: 3, modem.IPv4: 1, modem.IPv6: 2, modem.IPv4v6: 3}

// authenticate is +CGAUTH of the standard (27.007, 10.1.31).
func authenticate(cid int, apn modem.APN) (string, []at.Value) {
	params := []at.Value{at.Int(cid), at.Int(authNumber[apn.Auth])}
	if apn.Auth != modem.NoAuth {
		params = append(params, at.Text(apn.User), at.Text(string(apn.Password)))
	}
	return "+CGAUTH", params
}

// is returns a function that looks for n at one of the indices.
func is(index, n int, others ...int) func(at.Params) (active, known bool) {
	return func(p at.Params) (active, known bool) {
		for _, i := range append([]int{index}, others...) {
			if v, ok := p.Int(i); ok {
				active, known = active || v == n, true
			}
		}
		return active, known
	}
}

// quectelActive reads +QNETDEVCTL: <op>,<cid>,<urc>,<state>. Some firmware has no
// state, and then the context has to tell.
func quectelActive(p at.Params) (active, known bool) {
	state, known := p.Int(3)
	return state == 1, known
}
