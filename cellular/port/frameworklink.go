package port

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	retry "github.com/farspoke/farspoke/internal/nl"
)

const (
	// linkIDAttribute is IFLA_WWAN_LINK_ID (kernel: include/uapi/linux/wwan.h).
	linkIDAttribute = 1
	// frameworkKind is the kind of the framework's network devices.
	frameworkKind = "wwan"
	// maxFrameworkSession is MBIM's last session.
	maxFrameworkSession = 255
)

// framework is the sessions of a modem of the kernel's WWAN framework: devices of
// the kind "wwan", whose link id is the session (kernel:
// drivers/net/wwan/wwan_core.c). Most drivers make that of session 0 by themselves.
type framework struct{ modem string } // such as "wwan0"

func (framework) limits() limits { return limits{0, maxFrameworkSession} }

// list asks the kernel itself, as package netlink does not look at the link id.
func (f framework) list() (map[int]string, error) {
	messages, err := retry.List(func() ([][]byte, error) {
		r := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		r.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		return r.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	})
	if err != nil {
		return nil, err
	}
	present := make(map[int]string)
	for _, message := range messages {
		l, is, err := parseFrameworkLink(message)
		if err != nil {
			return nil, fmt.Errorf("read a network device of the kernel's: %w", err)
		}
		if is && l.modem == f.modem {
			present[l.session] = l.name
		}
	}
	return present, nil
}

// frameworkLink is a network device of the framework.
type frameworkLink struct {
	modem, name string
	session     int
}

// parseFrameworkLink reads the kernel's RTM_NEWLINK, without its netlink header,
// and says whether it is about such a device.
func parseFrameworkLink(message []byte) (l frameworkLink, is bool, err error) {
	if len(message) < unix.SizeofIfInfomsg {
		return l, false, unix.EBADMSG
	}
	attributes, err := nl.ParseRouteAttrAsMap(message[unix.SizeofIfInfomsg:])
	if err != nil {
		return l, false, err
	}
	info, err := nl.ParseRouteAttrAsMap(attributes[unix.IFLA_LINKINFO].Value)
	if err != nil || unix.ByteSliceToString(info[nl.IFLA_INFO_KIND].Value) != frameworkKind {
		return l, false, err
	}
	data, err := nl.ParseRouteAttrAsMap(info[nl.IFLA_INFO_DATA].Value)
	if id := data[linkIDAttribute].Value; err == nil && len(id) == 4 {
		l.session, is = int(binary.NativeEndian.Uint32(id)), true
	}
	l.modem = unix.ByteSliceToString(attributes[unix.IFLA_PARENT_DEV_NAME].Value)
	l.name = unix.ByteSliceToString(attributes[unix.IFLA_IFNAME].Value)
	return l, is, err
}

func (f framework) add(session int, name string) error {
	_, err := f.request(session, name).Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// request is the message that makes a device.
func (f framework) request(session int, name string) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	r.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	r.AddData(nl.NewRtAttr(unix.IFLA_PARENT_DEV_NAME, nl.ZeroTerminated(f.modem)))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated(frameworkKind))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(linkIDAttribute, nl.Uint32Attr(uint32(session)))
	r.AddData(info)
	return r
}

func (framework) remove(_ int, name string) error { return removeLink(name) }
