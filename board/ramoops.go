package board

import "fmt"

// A board with Ramoops has both of these among its Modules.
const (
	// RamoopsModule is the driver that keeps crash text.
	RamoopsModule = "ramoops"
	// LinesModule is a terminal that passes whole lines to the kernel's log.
	// The Go runtime writes crash text a word at a time, and each write to
	// /dev/kmsg is a record of its own.
	LinesModule = "ttyprintk"
)

// Ramoops describes the memory the kernel leaves alone at boot and dumps its
// log into when it panics. The zero Ramoops is a board without.
//
// The driver learns of it from the device tree or from parameters of its module. A
// kernel that is locked down takes it from the tree alone, for whoever says where it
// is says where the kernel writes.
type Ramoops struct {
	// Address is physical, Size and RecordSize are octets.
	Address, Size, RecordSize uint32
	// Spare says that the kernel's arguments end its memory before the address. Where
	// they do not, the kernel uses this memory for itself unless the tree reserves it.
	Spare bool
}

// lowRamoops is for boards whose memory begins at 0: above where boot loaders put what
// they start, and far below the end of the smallest memory, 512 MiB, which is where
// they lie themselves. Whether these boards leave their memory alone over a reset has
// not been seen; if not, there is no text.
var lowRamoops = Ramoops{Address: 0x1800_0000, Size: 0x10_0000, RecordSize: 0x1_0000}

const (
	// ramoopsECC is how many octets of each block of 128 mend its others: what was in
	// memory over a reset has changed in places.
	ramoopsECC = 16
	// ramoopsReason is the least urgent reason to keep the log, KMSG_DUMP_SHUTDOWN, an
	// orderly end: the log holds what the router process said when it crashed and the
	// box was restarted for it.
	ramoopsReason = 4
)

// Node is the name of its node below /reserved-memory in the device tree.
func (r Ramoops) Node() string { return fmt.Sprintf("ramoops@%x", r.Address) }

// Cell is a property of the node that is a number.
type Cell struct {
	Name  string
	Value uint32
}

// Cells are the properties of the node but for its place, which has the tree's own
// format (kernel: Documentation/devicetree/bindings/reserved-memory/ramoops.yaml).
func (r Ramoops) Cells() []Cell {
	return []Cell{{"record-size", r.RecordSize}, {"ecc-size", ramoopsECC}, {"max-reason", ramoopsReason}}
}

// Params say the same to the module.
func (r Ramoops) Params() string {
	return fmt.Sprintf("mem_address=%#x mem_size=%#x record_size=%#x ecc=%d max_reason=%d", r.Address, r.Size, r.RecordSize, ramoopsECC, ramoopsReason)
}
