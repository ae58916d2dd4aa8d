package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// bufferSize holds the largest transaction: the kernel's default fails at about
// a thousand rules with EMSGSIZE.
const bufferSize = 32 << 20

// send gives the batch to the kernel, which applies all of it or nothing; with
// commit false nothing in any case, but it says whether it could. generation is
// that of the ruleset the batch was made for, 0 for any: if another one holds,
// the error is ERESTART.
//
// The socket is bare because a library's tells an error without saying which
// message it is about.
func (b *batch) send(generation uint32, commit bool) error {
	if len(b.messages) == 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	defer unix.Close(fd)
	for forced, option := range map[int]int{unix.SO_SNDBUFFORCE: unix.SO_SNDBUF, unix.SO_RCVBUFFORCE: unix.SO_RCVBUF} {
		// Only who may exceed the system's limits can force; small rulesets fit
		// anyway.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, forced, bufferSize) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, bufferSize)
		}
	}
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1); err != nil {
			return fmt.Errorf("ask netfilter for explanations: %w", err)
		}
	}
	if commit {
		// A kernel without the call loses such a packet now and then, which is no
		// reason not to go on.
		_ = letPacketsThrough()
	}
	if err := unix.Sendto(fd, b.bytes(generation, commit), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send %d messages to netfilter: %w", len(b.messages), err)
	}
	return b.answer(fd)
}

// letPacketsThrough waits until no packet is under way that the ruleset before the
// present one decides about: the kernel holds two, and the next overwrites that one.
func letPacketsThrough() error {
	// This waits for an RCU grace period, which packets under way hold up. On a
	// single processor it returns at once: there is none while we run.
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// membarrierGlobal is MEMBARRIER_CMD_GLOBAL (linux/membarrier.h).
const membarrierGlobal = 1

// bytes is the batch with headers. The first message has the sequence number 1,
// and an acknowledgement is asked for the last one alone.
func (b *batch) bytes(generation uint32, commit bool) []byte {
	begin := func(e *netlink.AttributeEncoder) {
		if generation != 0 {
			e.Uint32(attrBatchGeneration, generation)
		}
	}
	attrs, _ := attributes(begin) // a number always encodes
	size := 0
	for _, m := range b.messages {
		size += unix.NLMSG_HDRLEN + 4 + len(m.attrs)
	}
	out := make([]byte, 0, size+64)
	out = appendMessage(out, unix.NFNL_MSG_BATCH_BEGIN, netlink.Request, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, attrs)
	for i, m := range b.messages {
		flags := netlink.Request | m.flags
		if i == len(b.messages)-1 {
			flags |= netlink.Acknowledge
		}
		out = appendMessage(out, unix.NFNL_SUBSYS_NFTABLES<<8|m.kind, flags, uint32(i+1), unix.NFPROTO_INET, 0, m.attrs)
	}
	if commit {
		out = appendMessage(out, unix.NFNL_MSG_BATCH_END, netlink.Request, uint32(len(b.messages)+1), unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES, nil)
	}
	return out
}

// attrBatchGeneration is NFNL_BATCH_GENID (linux/netfilter/nfnetlink.h).
const attrBatchGeneration = 1

func appendMessage(out []byte, kind uint16, flags netlink.HeaderFlags, sequence uint32, family uint8, resource uint16, attrs []byte) []byte {
	length := unix.NLMSG_HDRLEN + 4 + len(attrs)
	out = binary.NativeEndian.AppendUint32(out, uint32(length))
	out = binary.NativeEndian.AppendUint16(out, kind)
	out = binary.NativeEndian.AppendUint16(out, uint16(flags))
	out = binary.NativeEndian.AppendUint32(out, sequence)
	out = binary.NativeEndian.AppendUint32(out, 0)
	out = append(out, family, unix.NFNETLINK_V0)
	out = binary.BigEndian.AppendUint16(out, resource)
	return append(out, attrs...) // attributes are padded
}

// answer reads what the kernel had to say. It has worked off the whole batch
// when it is sent, so nothing is waited for.
func (b *batch) answer(fd int) error {
	buf := make([]byte, 1<<16)
	var first error
	acknowledged := false
	for {
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			if first == nil && !acknowledged {
				return errors.New("netfilter took the transaction and did not answer")
			}
			return first
		case errors.Is(err, unix.ENOBUFS) && first != nil:
			return first
		case err != nil:
			return fmt.Errorf("read netfilter's answer: %w", err)
		}
		for rest := buf[:n]; len(rest) >= unix.NLMSG_HDRLEN+4; {
			length := int(binary.NativeEndian.Uint32(rest))
			if length < unix.NLMSG_HDRLEN+4 || length > len(rest) {
				break
			}
			err, about := b.verdict(rest[:length])
			switch {
			case !about:
			case err == nil:
				acknowledged = true
			case first == nil:
				first = err
			}
			rest = rest[min(len(rest), (length+3)&^3):]
		}
	}
}

// refusal is what the kernel refuses and why.
type refusal struct {
	// about is what was refused, detail the part of it, if known.
	about, detail string
	// explanation is the kernel's own.
	explanation string
	errno       unix.Errno
}

func (r *refusal) Error() string {
	text := "the kernel refuses " + r.about
	if r.detail != "" {
		text += " because of its " + r.detail
	}
	text += ": " + r.errno.Error()
	if r.explanation != "" {
		text += " (" + r.explanation + ")"
	}
	if r.errno == unix.ENOENT || r.errno == unix.EOPNOTSUPP || r.errno == unix.EPROTONOSUPPORT {
		text += "; it may lack the module for it"
	}
	return text
}

func (r *refusal) Unwrap() error { return r.errno }

// verdict reads one message: an error, or nil for an acknowledgement. It
// reports false if it is neither.
func (b *batch) verdict(data []byte) (error, bool) {
	if binary.NativeEndian.Uint16(data[4:]) != unix.NLMSG_ERROR {
		return nil, false
	}
	sequence := binary.NativeEndian.Uint32(data[8:])
	code := int32(binary.NativeEndian.Uint32(data[unix.NLMSG_HDRLEN:]))
	if code == 0 {
		return nil, true
	}
	r := &refusal{about: "the transaction", errno: unix.Errno(-code)}
	offset := uint32(0)
	if quoted := unix.NLMSG_HDRLEN + 4 + unix.NLMSG_HDRLEN; binary.NativeEndian.Uint16(data[6:])&unix.NLM_F_ACK_TLVS != 0 && len(data) > quoted {
		r.explanation, offset = explanation(data[quoted:])
	}
	if sequence > 0 && sequence <= uint32(len(b.messages)) {
		m := &b.messages[sequence-1]
		r.about, r.detail = m.String(), m.expressionAt(offset)
	}
	return r, true
}

// explanation reads the attributes of an extended acknowledgement: a text, and
// where in the message the fault is.
func explanation(attrs []byte) (text string, offset uint32) {
	d, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return "", 0
	}
	for d.Next() {
		switch d.Type() {
		case unix.NLMSGERR_ATTR_MSG:
			text = d.String()
		case unix.NLMSGERR_ATTR_OFFS:
			offset = d.Uint32()
		}
	}
	return text, offset
}

// expressionAt is the name of the expression at an offset of the message with
// its headers, or "".
func (m *message) expressionAt(offset uint32) string {
	if m.kind != unix.NFT_MSG_NEWRULE || offset < unix.NLMSG_HDRLEN+4 {
		return ""
	}
	at := int(offset) - unix.NLMSG_HDRLEN - 4
	list, start := attributeAt(m.attrs, at)
	one, _ := attributeAt(list, at-start)
	name, _ := attributeAt(one, 0)
	return unix.ByteSliceToString(name)
}

// attributeAt returns the value of the attribute that holds the octet at an
// offset, and where the value begins.
func attributeAt(attrs []byte, at int) (value []byte, start int) {
	for begin := 0; begin+unix.SizeofNlAttr <= len(attrs); {
		length := int(binary.NativeEndian.Uint16(attrs[begin:]))
		if length < unix.SizeofNlAttr || begin+length > len(attrs) {
			break
		}
		end := begin + (length+3)&^3
		if begin <= at && at < end {
			return attrs[begin+unix.SizeofNlAttr : begin+length], begin + unix.SizeofNlAttr
		}
		begin = end
	}
	return nil, 0
}
