// Package fdt reads and writes flattened device trees, version 17: what
// describes a board to U-Boot and to the kernel, and what a FIT image is too.
// Equal trees give equal octets.
//
// Source: Devicetree Specification v0.4, chapter 5.
package fdt

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Node is a node of a tree. The root's Name is empty.
type Node struct {
	Name       string
	Properties []Property
	Children   []*Node
}

// Property is a named value; what the octets mean depends on the name.
type Property struct {
	Name  string
	Value []byte
}

// Child returns the child of the given name, nil for none.
func (n *Node) Child(name string) *Node {
	i := slices.IndexFunc(n.Children, func(c *Node) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return n.Children[i]
}

// Add appends a child and returns it.
func (n *Node) Add(name string) *Node {
	child := &Node{Name: name}
	n.Children = append(n.Children, child)
	return child
}

// Property returns the value of the property of the given name.
func (n *Node) Property(name string) (value []byte, ok bool) {
	for _, p := range n.Properties {
		if p.Name == name {
			return p.Value, true
		}
	}
	return nil, false
}

// Set gives the property of the given name another value, and makes it if need be.
func (n *Node) Set(name string, value []byte) {
	for i := range n.Properties {
		if n.Properties[i].Name == name {
			n.Properties[i].Value = value
			return
		}
	}
	n.Properties = append(n.Properties, Property{name, value})
}

// SetString sets a property to one string, or to a list of them.
func (n *Node) SetString(name string, values ...string) {
	var list []byte
	for _, v := range values {
		list = append(append(list, v...), 0)
	}
	n.Set(name, list)
}

// SetCells sets a property to 32-bit numbers.
func (n *Node) SetCells(name string, cells ...uint32) {
	var value []byte
	for _, c := range cells {
		value = binary.BigEndian.AppendUint32(value, c)
	}
	n.Set(name, value)
}

// Unset removes the property of the given name, if there is one.
func (n *Node) Unset(name string) {
	n.Properties = slices.DeleteFunc(n.Properties, func(p Property) bool { return p.Name == name })
}

const (
	magic             = 0xd00dfeed
	version           = 17
	compatibleVersion = 16
	headerSize        = 40
	reservations      = 16 // the empty list of reserved memory
)

// The tags of the structure block.
const (
	beginNode = 1
	endNode   = 2
	property  = 3
	nop       = 4
	end       = 9
)

// Marshal returns the tree in octets.
func Marshal(root *Node) []byte {
	names := Names(root)
	var structure bytes.Buffer
	Walk(root, names, func(_ string, _ Item, octets []byte) { structure.Write(octets) })
	strings := names.Block()
	size := headerSize + reservations + structure.Len() + len(strings)
	out := make([]byte, 0, size)
	for _, v := range []int{
		magic, size, headerSize + reservations, headerSize + reservations + structure.Len(), headerSize,
		version, compatibleVersion, 0, len(strings), structure.Len(),
	} {
		out = binary.BigEndian.AppendUint32(out, uint32(v))
	}
	out = append(out, make([]byte, reservations)...)
	out = append(out, structure.Bytes()...)
	return append(out, strings...)
}

// Position returns where in the octets of Marshal the value of a property begins,
// and false if the node of that path has no such property. What comes after the
// property in the tree has no say in it.
func Position(root *Node, node, property string) (octets int, ok bool) {
	const head = 12 // a property's tag, length and name come before its value
	at := headerSize + reservations
	Walk(root, Names(root), func(path string, item Item, piece []byte) {
		if path == node && item.Property == property && !ok {
			octets, ok = at+head, true
		}
		at += len(piece)
	})
	return octets, ok
}

// WithRoom returns a tree in octets with room for more behind it, for a boot loader
// that changes the tree where it lies.
func WithRoom(tree []byte, octets int) []byte {
	tree = append(bytes.Clone(tree), make([]byte, octets)...)
	binary.BigEndian.PutUint32(tree[4:], uint32(len(tree)))
	return tree
}

// Strings are the names of properties, each once, as a tree's strings block has
// them.
type Strings struct {
	offsets map[string]int
	block   []byte
}

// Names collects the names of a tree's properties.
func Names(root *Node) *Strings {
	s := &Strings{offsets: make(map[string]int)}
	s.collect(root)
	return s
}

func (s *Strings) collect(n *Node) {
	for _, p := range n.Properties {
		if _, ok := s.offsets[p.Name]; !ok {
			s.offsets[p.Name] = len(s.block)
			s.block = append(append(s.block, p.Name...), 0)
		}
	}
	for _, c := range n.Children {
		s.collect(c)
	}
}

// Block returns the strings block.
func (s *Strings) Block() []byte { return s.block }

// Item is what a piece of the structure block is.
type Item struct {
	// Property is its name, empty for the begin or the end of a node and for the
	// end of the block.
	Property string
}

// Walk calls visit with every piece of the structure block in order: its octets
// and the path of the node it belongs to, empty for the end of the block.
func Walk(root *Node, names *Strings, visit func(path string, item Item, octets []byte)) {
	walk(root, "/", names, visit)
	visit("", Item{}, tag(end))
}

func walk(n *Node, path string, names *Strings, visit func(string, Item, []byte)) {
	visit(path, Item{}, pad(append(append(tag(beginNode), n.Name...), 0)))
	for _, p := range n.Properties {
		octets := binary.BigEndian.AppendUint32(tag(property), uint32(len(p.Value)))
		octets = binary.BigEndian.AppendUint32(octets, uint32(names.offsets[p.Name]))
		visit(path, Item{Property: p.Name}, pad(append(octets, p.Value...)))
	}
	for _, c := range n.Children {
		walk(c, join(path, c.Name), names, visit)
	}
	visit(path, Item{}, tag(endNode))
}

func join(path, name string) string {
	if path == "/" {
		return path + name
	}
	return path + "/" + name
}

func tag(t uint32) []byte { return binary.BigEndian.AppendUint32(nil, t) }

func pad(octets []byte) []byte {
	for len(octets)%4 != 0 {
		octets = append(octets, 0)
	}
	return octets
}
