package port

import (
	vnl "github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// linkIDAttribute is IFLA_WWAN_LINK_ID (kernel: include/uapi/linux/wwan.h).
	linkIDAttribute = 1
	// maxFrameworkSession is MBIM's last session: the link id is a number of 32
	// bits, of which the drivers know this many.
	maxFrameworkSession = 255
)

// framework is the sessions of a modem of the kernel's WWAN framework: devices of
// the kind "wwan", whose link id is the session (kernel:
// drivers/net/wwan/wwan_core.c). Drivers make that of session 0 by themselves,
// mostly.
type framework struct {
	modem    string // such as "wwan0"
	sessions limits
}

func (f framework) limits() limits { return f.sessions }

// list goes by the names, as the kernel's answer holds the link id where package
// netlink does not look.
func (f framework) list() (map[int]string, error) {
	all, err := linkList()
	present := make(map[int]string)
	for _, link := range all {
		attrs := link.Attrs()
		if session, is := isSessionLink(attrs.Name); is && link.Type() == "wwan" && attrs.ParentDev == f.modem {
			present[session] = attrs.Name
		}
	}
	return present, err
}

func (f framework) add(session int, name string) error {
	_, err := f.request(session, name).Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// request is the message that makes a device.
func (f framework) request(session int, name string) *vnl.NetlinkRequest {
	r := vnl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	r.AddData(vnl.NewIfInfomsg(unix.AF_UNSPEC))
	r.AddData(vnl.NewRtAttr(unix.IFLA_IFNAME, vnl.ZeroTerminated(name)))
	r.AddData(vnl.NewRtAttr(unix.IFLA_PARENT_DEV_NAME, vnl.ZeroTerminated(f.modem)))
	info := vnl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(vnl.IFLA_INFO_KIND, vnl.NonZeroTerminated("wwan"))
	info.AddRtAttr(vnl.IFLA_INFO_DATA, nil).AddRtAttr(linkIDAttribute, vnl.Uint32Attr(uint32(session)))
	r.AddData(info)
	return r
}

func (framework) remove(_ int, name string) error { return removeLink(name) }
