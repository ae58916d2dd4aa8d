package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoPacketLog says that the kernel cannot hand over what rules log.
var ErrNoPacketLog = errors.New("the kernel has no log of packets; the module nfnetlink_log is missing")

const (
	// logBuffer holds a thousand lines and more that we have not read, in octets.
	logBuffer = 256 << 10
	// logDelay is how long the kernel waits for more lines to hand over
	// together, in hundredths of a second; logBatch is how many it waits for.
	logDelay = 10
	logBatch = 16
)

// Messages, settings and their values (linux/netfilter/nfnetlink_log.h).
const (
	logPacketMessage = 0 // NFULNL_MSG_PACKET
	logConfigMessage = 1 // NFULNL_MSG_CONFIG

	configCommand = 1 // NFULA_CFG_CMD
	configMode    = 2 // NFULA_CFG_MODE
	configTimeout = 4 // NFULA_CFG_TIMEOUT
	configBatch   = 5 // NFULA_CFG_QTHRESH
	configFlags   = 6 // NFULA_CFG_FLAGS

	commandBind  = 1 // NFULNL_CFG_CMD_BIND
	copyPacket   = 2 // NFULNL_COPY_PACKET
	flagSequence = 1 // NFULNL_CFG_F_SEQ
)

// Logs returns the packets that rules log from now on to our group, of both
// families. Lines whose prefix is not one of ours are passed over. The channel
// is closed when ctx ends or the kernel no longer tells. The error is
// ErrNoPacketLog if it cannot, EPERM or EEXIST if another process has the group.
//
// The group is all that is bound. Binding the families, as other programs do,
// would redirect what the kernel logs by itself, and rules that name a group
// do without.
func (Netfilter) Logs(ctx context.Context) (<-chan Logged, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open packet log: %w", err)
	}
	if err := bindLog(conn); err != nil {
		conn.Close()
		return nil, err
	}
	// A deadline in the past ends a Receive that waits.
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	lines := make(chan Logged)
	go func() {
		defer close(lines)
		defer conn.Close()
		defer stop()
		r := logReader{nameOf: deviceNames(conn)}
		r.read(ctx, conn, lines)
	}()
	return lines, nil
}

// bindLog makes the kernel send what is logged to our group to the socket.
func bindLog(conn *netlink.Conn) error {
	if err := conn.SetReadBuffer(logBuffer); err != nil {
		return fmt.Errorf("bound the packet log's buffer: %w", err)
	}
	// That the buffer was full is seen from the numbers of the lines.
	if err := conn.SetOption(netlink.NoENOBUFS, true); err != nil {
		return fmt.Errorf("set up packet log: %w", err)
	}
	attrs, err := attributes(func(e *netlink.AttributeEncoder) {
		e.Uint8(configCommand, commandBind)
		e.Bytes(configMode, append(binary.BigEndian.AppendUint32(nil, logLength), copyPacket, 0))
		e.Uint32(configTimeout, logDelay)
		e.Uint32(configBatch, logBatch)
		e.Uint16(configFlags, flagSequence)
	})
	if err != nil {
		return fmt.Errorf("encode packet log's settings: %w", err)
	}
	if _, err := conn.Send(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_ULOG<<8 | logConfigMessage),
			Flags: netlink.Request | netlink.Acknowledge,
		},
		Data: append([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, logGroup}, attrs...),
	}); err != nil {
		return fmt.Errorf("bind packet log: %w", err)
	}
	return acknowledgedLog(conn)
}

// acknowledgedLog waits for the kernel's answer. Lines may come before it; they
// are told as lost.
func acknowledgedLog(conn *netlink.Conn) error {
	for {
		messages, err := conn.Receive()
		switch {
		case errors.Is(err, unix.EINVAL):
			// This is how netfilter says that it does not know whom we ask.
			return ErrNoPacketLog
		case err != nil:
			return fmt.Errorf("bind packet log's group %d: %w", logGroup, err)
		}
		for _, m := range messages {
			if m.Header.Type == netlink.Error {
				return nil
			}
		}
	}
}

// deviceNames returns a function that names a device by its index, or by the
// number if it is gone. That is one system call and lines are limited in rate,
// so no name is remembered that could become wrong.
func deviceNames(conn *netlink.Conn) func(index uint32) string {
	return func(index uint32) string {
		name := strconv.FormatUint(uint64(index), 10)
		socket, err := conn.SyscallConn()
		if err != nil {
			return name
		}
		socket.Control(func(fd uintptr) {
			request, err := unix.NewIfreq("")
			if err != nil {
				return
			}
			request.SetUint32(index)
			if unix.IoctlIfreq(int(fd), unix.SIOCGIFNAME, request) == nil {
				name = request.Name()
			}
		})
		return name
	}
}

// logReader turns the kernel's messages into lines.
type logReader struct {
	nameOf func(index uint32) string
	// next is the number of the line that the kernel makes next, lost how many
	// lines are missing that have not been told yet.
	next, lost uint32
}

func (r *logReader) read(ctx context.Context, conn *netlink.Conn, lines chan<- Logged) {
	for {
		messages, err := conn.Receive()
		if err != nil {
			return
		}
		for _, m := range messages {
			if m.Header.Type != unix.NFNL_SUBSYS_ULOG<<8|logPacketMessage {
				continue // the mark at the end of several
			}
			line, ok := r.line(m.Data)
			if !ok {
				continue
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}
}

// line reads a message without its netlink header. It reports false if the
// message makes no sense or is about a packet that a rule of others logged.
func (r *logReader) line(message []byte) (Logged, bool) {
	e, err := parseLogEntry(message)
	if err != nil {
		return Logged{}, false
	}
	r.lost += e.number - r.next
	r.next = e.number + 1
	decision, ok := ParsePrefix(e.prefix)
	if !ok {
		return Logged{}, false
	}
	line := Logged{Time: time.Now(), Decision: decision, Headers: parseHeaders(e.packet), Lost: r.lost}
	if e.in != 0 {
		line.In = r.nameOf(e.in)
	}
	if e.out != 0 {
		line.Out = r.nameOf(e.out)
	}
	r.lost = 0
	return line, true
}
