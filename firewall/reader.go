package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// reader reads nftables.
type reader struct{ *netlink.Conn }

func dial() (reader, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return reader{}, fmt.Errorf("open netfilter: %w", err)
	}
	return reader{conn}, nil
}

// ask sends a request and returns the answers.
func (r reader) ask(kind uint16, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	attrs, err := attributes(fill)
	if err != nil {
		return nil, err
	}
	request := netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: netlink.Request | flags},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, attrs...),
	}
	return r.Execute(request)
}

func (r reader) generation() (uint32, error) {
	answers, err := r.ask(unix.NFT_MSG_GETGEN, 0, func(*netlink.AttributeEncoder) {})
	if err != nil {
		return 0, fmt.Errorf("read the generation of nftables: %w", err)
	}
	for _, m := range answers {
		d, err := decoder(m)
		if err != nil {
			return 0, err
		}
		for d.Next() {
			if d.Type() == unix.NFTA_GEN_ID {
				return d.Uint32(), nil
			}
		}
	}
	return 0, errors.New("read the generation of nftables: the kernel tells none")
}

func (r reader) exists() (bool, error) {
	_, err := r.ask(unix.NFT_MSG_GETTABLE, 0, func(e *netlink.AttributeEncoder) { e.String(unix.NFTA_TABLE_NAME, tableName) })
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for table %s: %w", tableName, err)
	}
	return true, nil
}

// each calls f with each object of our table, whose kind is that of the request
// and whose attribute names the table.
func (r reader) each(kind uint16, table uint16, f func(*netlink.AttributeDecoder)) error {
	answers, err := r.ask(kind, netlink.Dump, func(e *netlink.AttributeEncoder) { e.String(table, tableName) })
	if err != nil {
		return fmt.Errorf("read table %s: %w", tableName, err)
	}
	for _, m := range answers {
		// Not every kernel selects by table.
		d, err := decoder(m)
		if err != nil {
			return err
		}
		ours := false
		for d.Next() {
			ours = ours || d.Type() == table && d.String() == tableName
		}
		if !ours {
			continue
		}
		if d, err = decoder(m); err != nil {
			return err
		}
		f(d)
	}
	return nil
}

// elements returns the keys of a set's elements.
func (r reader) elements(set string) ([][]byte, error) {
	answers, err := r.ask(unix.NFT_MSG_GETSETELEM, netlink.Dump, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
		e.String(unix.NFTA_SET_ELEM_LIST_SET, set)
	})
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", set, err)
	}
	var keys [][]byte
	for _, m := range answers {
		d, err := decoder(m)
		if err != nil {
			return nil, err
		}
		within(d, unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(list *netlink.AttributeDecoder) {
			within(list, attrListElem, func(element *netlink.AttributeDecoder) {
				within(element, unix.NFTA_SET_ELEM_KEY, func(key *netlink.AttributeDecoder) {
					for key.Next() {
						keys = append(keys, key.Bytes())
					}
				})
			})
		})
	}
	return keys, nil
}

// within calls f with each attribute of a type, to decode what is in it.
func within(d *netlink.AttributeDecoder, attr uint16, f func(*netlink.AttributeDecoder)) {
	for d.Next() {
		if d.Type() == attr {
			d.Nested(func(inner *netlink.AttributeDecoder) error {
				f(inner)
				return nil
			})
		}
	}
}

func decoder(m netlink.Message) (*netlink.AttributeDecoder, error) {
	if len(m.Data) < 4 {
		return nil, errors.New("read nftables: a message without a header")
	}
	d, err := netlink.NewAttributeDecoder(m.Data[4:])
	if err != nil {
		return nil, fmt.Errorf("read nftables: %w", err)
	}
	d.ByteOrder = binary.BigEndian
	return d, nil
}

func decodeChain(d *netlink.AttributeDecoder) (name string, spec chainSpec) {
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_CHAIN_NAME:
			name = d.String()
		case unix.NFTA_CHAIN_HOOK:
			spec.base = true
			d.Nested(func(h *netlink.AttributeDecoder) error {
				for h.Next() {
					switch h.Type() {
					case unix.NFTA_HOOK_HOOKNUM:
						spec.point = h.Uint32()
					case unix.NFTA_HOOK_PRIORITY:
						spec.priority = int32(h.Uint32())
					}
				}
				return nil
			})
		}
	}
	return name, spec
}

func decodeSet(d *netlink.AttributeDecoder) (name string, spec setSpec) {
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_SET_NAME:
			name = d.String()
		case unix.NFTA_SET_FLAGS:
			spec.flags = d.Uint32()
		case unix.NFTA_SET_KEY_TYPE:
			spec.keyType = d.Uint32()
		case unix.NFTA_SET_KEY_LEN:
			spec.keyLen = d.Uint32()
		case unix.NFTA_SET_DESC:
			d.Nested(func(desc *netlink.AttributeDecoder) error {
				for desc.Next() {
					if desc.Type() == attrDescSize {
						spec.size = desc.Uint32()
					}
				}
				return nil
			})
		case unix.NFTA_SET_TIMEOUT:
			spec.timeout = time.Duration(d.Uint64()) * time.Millisecond
		}
	}
	return name, spec
}

// object is a counter or a helper.
type object struct {
	name  string
	kind  uint32
	tally Tally
}

func decodeObject(d *netlink.AttributeDecoder) object {
	var o object
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_OBJ_NAME:
			o.name = strings.Clone(d.String())
		case unix.NFTA_OBJ_TYPE:
			o.kind = d.Uint32()
		case unix.NFTA_OBJ_DATA:
			// A helper's attributes have the same numbers and other meanings;
			// nobody looks at its tally.
			d.Nested(func(c *netlink.AttributeDecoder) error {
				for c.Next() {
					switch {
					case c.Type() == unix.NFTA_COUNTER_BYTES && len(c.Bytes()) == 8:
						o.tally.Bytes = c.Uint64()
					case c.Type() == unix.NFTA_COUNTER_PACKETS && len(c.Bytes()) == 8:
						o.tally.Packets = c.Uint64()
					}
				}
				return nil
			})
		}
	}
	return o
}
