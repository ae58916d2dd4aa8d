package mbim

import "fmt"

// count is the number of a list's elements, which when writing is n.
func (c *cursor) count(n int) int {
	counted := uint32(n)
	u32(c, &counted)
	return int(counted)
}

// list is elements after their number, each a structure that is referred to.
func list[T any](c *cursor, v *[]T, element func(*cursor, *T)) {
	elements(c, v, c.count(len(*v)), element)
}

// elements is n structures that are referred to.
func elements[T any](c *cursor, v *[]T, n int, element func(*cursor, *T)) {
	inline(c, v, n, func(c *cursor, item *T) { structure(c, item, element) })
}

// structure is one that is referred to.
func structure[T any](c *cursor, v *T, walk func(*cursor, *T)) {
	if c.writing {
		inner := cursor{writing: true, version: c.version}
		walk(&inner, v)
		b := inner.finish()
		reference(c, &b)
		c.adopt(inner.err)
		return
	}
	var b []byte
	reference(c, &b)
	if c.err == nil {
		inner := newCursor(b, c.version)
		walk(inner, v)
		c.adopt(inner.err)
	}
}

// optional is a structure that is referred to if *v is not nil.
func optional[T any](c *cursor, v **T, walk func(*cursor, *T)) {
	if c.writing {
		if *v == nil {
			var nothing []byte
			reference(c, &nothing)
			return
		}
		structure(c, *v, walk)
		return
	}
	var b []byte
	reference(c, &b)
	if c.err == nil && len(b) > 0 {
		*v = new(T)
		inner := newCursor(b, c.version)
		walk(inner, *v)
		c.adopt(inner.err)
	}
}

// adopt takes over the error of a structure within c's.
func (c *cursor) adopt(err error) {
	if err != nil {
		c.fail("in the structure it leads to, %w", err)
	}
}

// inline is n elements one after the other in the fixed part. Each takes some
// octets of it, so that there are no more than what is left.
func inline[T any](c *cursor, v *[]T, n int, element func(*cursor, *T)) {
	for i := 0; i < n && c.err == nil; i++ {
		if !c.writing {
			*v = append(*v, *new(T))
		}
		if element(c, &(*v)[i]); c.err != nil {
			c.err = fmt.Errorf("element %d of %d: %w", i, n, c.err)
		}
	}
}

// fixedArray is a number, and the offset of as many elements of size octets each.
func fixedArray[T any](c *cursor, v *[]T, size uint32, element func(*cursor, *T)) {
	n := c.count(len(*v))
	if c.writing {
		inner := cursor{writing: true}
		inline(&inner, v, n, element)
		c.refer(inner.fixed)
		c.adopt(inner.err)
		return
	}
	var offset uint32
	at := c.at
	u32(c, &offset)
	if total := uint64(n) * uint64(size); total > uint64(len(c.whole)) {
		c.fail("%d elements in a structure of %d octets", n, len(c.whole))
		return
	}
	if b := c.follow(at, offset, uint32(n)*size); c.err == nil {
		inner := newCursor(b, c.version)
		inline(inner, v, n, element)
		c.adopt(inner.err)
	}
}

// sequence is a reference to elements that come one after the other behind their
// number, each with the data that it refers to itself (the lists of Microsoft's
// extensions).
func sequence[T any](c *cursor, v *[]T, element func(*cursor, *T)) {
	if c.writing {
		var b []byte
		if len(*v) > 0 {
			inner := cursor{writing: true}
			inner.count(len(*v))
			b = inner.fixed
		}
		for i := range *v {
			inner := cursor{writing: true, version: c.version}
			element(&inner, &(*v)[i])
			b = append(b, inner.finish()...)
			c.adopt(inner.err)
		}
		reference(c, &b)
		return
	}
	var b []byte
	reference(c, &b)
	if c.err != nil || len(b) == 0 {
		return
	}
	head := newCursor(b, c.version)
	n := head.count(0)
	c.adopt(head.err)
	rest := b[min(head.at, len(b)):]
	for i := 0; i < n && c.err == nil; i++ {
		inner := newCursor(rest, c.version)
		*v = append(*v, *new(T))
		if element(inner, &(*v)[i]); inner.err != nil {
			c.fail("element %d of %d: %w", i, n, inner.err)
			return
		}
		rest = rest[min((inner.end+3)&^3, len(rest)):]
	}
}
