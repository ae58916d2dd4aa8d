package fdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// maxDepth bounds how deep a tree may be, as U-Boot does.
const maxDepth = 32

var errShort = errors.New("the tree is cut short")

// Parse reads a tree. Reserved memory is not part of it. The values are copies.
func Parse(data []byte) (*Node, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read device tree: %w", err)
	}
	return root, nil
}

func parse(data []byte) (*Node, error) {
	if len(data) < headerSize {
		return nil, errShort
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(data[4*i:]) }
	if word(0) != magic {
		return nil, fmt.Errorf("it begins with %#x, not %#x", word(0), uint32(magic))
	}
	if word(6) > version || word(5) < version {
		return nil, fmt.Errorf("its version is %d, want %d", word(5), version)
	}
	size := uint64(word(1))
	if size > uint64(len(data)) {
		return nil, errShort
	}
	block := func(offset, length uint32) ([]byte, error) {
		if uint64(offset)+uint64(length) > size {
			return nil, errShort
		}
		return data[offset:][:length], nil
	}
	structure, err := block(word(2), word(9))
	if err != nil {
		return nil, err
	}
	strings, err := block(word(3), word(8))
	if err != nil {
		return nil, err
	}
	p := &parser{rest: structure, strings: strings}
	if t, err := p.tag(); err != nil || t != beginNode {
		return nil, errors.Join(errors.New("it has no root"), err)
	}
	root, err := p.node(0)
	if err != nil {
		return nil, err
	}
	if root.Name != "" {
		return nil, fmt.Errorf("its root is called %q", root.Name)
	}
	if t, err := p.tag(); err != nil || t != end {
		return nil, errors.Join(errors.New("it does not end after its root"), err)
	}
	return root, nil
}

type parser struct {
	rest, strings []byte
}

// take returns the next n octets and skips the padding behind them.
func (p *parser) take(n int) ([]byte, error) {
	padded := (n + 3) &^ 3
	if n < 0 || padded < n || padded > len(p.rest) {
		return nil, errShort
	}
	out := p.rest[:n]
	p.rest = p.rest[padded:]
	return out, nil
}

func (p *parser) word() (uint32, error) {
	octets, err := p.take(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(octets), nil
}

// tag returns the next tag that means something.
func (p *parser) tag() (uint32, error) {
	for {
		t, err := p.word()
		if err != nil || t != nop {
			return t, err
		}
	}
}

// node reads a node behind its begin.
func (p *parser) node(depth int) (*Node, error) {
	if depth == maxDepth {
		return nil, fmt.Errorf("it is more than %d nodes deep", maxDepth)
	}
	name, _, ok := bytes.Cut(p.rest, []byte{0})
	if !ok {
		return nil, errShort
	}
	if _, err := p.take(len(name) + 1); err != nil {
		return nil, err
	}
	n := &Node{Name: string(name)}
	for {
		t, err := p.tag()
		if err != nil {
			return nil, err
		}
		switch t {
		case property:
			property, err := p.property()
			if err != nil {
				return nil, err
			}
			n.Properties = append(n.Properties, property)
		case beginNode:
			child, err := p.node(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Children = append(n.Children, child)
		case endNode:
			return n, nil
		default:
			return nil, fmt.Errorf("unknown tag %d in node %q", t, n.Name)
		}
	}
}

func (p *parser) property() (Property, error) {
	length, err := p.word()
	if err != nil {
		return Property{}, err
	}
	offset, err := p.word()
	if err != nil {
		return Property{}, err
	}
	if uint64(offset) >= uint64(len(p.strings)) {
		return Property{}, errShort
	}
	name, _, ok := bytes.Cut(p.strings[offset:], []byte{0})
	if !ok {
		return Property{}, errShort
	}
	value, err := p.take(int(length))
	if err != nil {
		return Property{}, err
	}
	return Property{string(name), bytes.Clone(value)}, nil
}
