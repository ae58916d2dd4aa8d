package mbim

// uiccVersion is the version of the structures by which a SIM's files are read.
const uiccVersion = 1

// UICCApplicationType is what an application of a SIM is for.
type UICCApplicationType uint32

// The types of applications.
const (
	UICCApplicationTypeUnknown UICCApplicationType = 0
	UICCApplicationTypeMF      UICCApplicationType = 1
	UICCApplicationTypeMFSIM   UICCApplicationType = 2
	UICCApplicationTypeMFRUIM  UICCApplicationType = 3
	UICCApplicationTypeUSIM    UICCApplicationType = 4
	UICCApplicationTypeCSIM    UICCApplicationType = 5
	UICCApplicationTypeISIM    UICCApplicationType = 6
)

// UICCApplication is an application of a SIM.
type UICCApplication struct {
	Type UICCApplicationType
	// ID is its AID (ETSI TS 101 220).
	ID   []byte
	Name string
	// PINKeyReferences are the numbers of its PINs, one octet each.
	PINKeyReferences []byte
}

func walkUICCApplication(c *cursor, v *UICCApplication) {
	u32(c, &v.Type)
	octets(c, &v.ID)
	text8(c, &v.Name)
	c.count(len(v.PINKeyReferences))
	octets(c, &v.PINKeyReferences)
}

// UICCApplicationList is what applications a SIM has.
type UICCApplicationList struct {
	// Active is the number of the application in use, from 0.
	Active       uint32
	Applications []UICCApplication
}

func (*UICCApplicationList) about() Command   { return CmdUICCApplicationList }
func (*UICCApplicationList) classes() classes { return answers }

func (m *UICCApplicationList) walk(c *cursor) {
	walkUICCVersion(c)
	n := c.count(len(m.Applications))
	u32(c, &m.Active)
	c.count(m.listSize())
	elements(c, &m.Applications, n, walkUICCApplication)
}

// listSize is how many octets the applications take.
func (m *UICCApplicationList) listSize() int {
	size := 0
	for i := range m.Applications {
		inner := cursor{writing: true}
		walkUICCApplication(&inner, &m.Applications[i])
		size += len(inner.finish())
	}
	return size
}

func walkUICCVersion(c *cursor) {
	version := uint32(uiccVersion)
	u32(c, &version)
}

// UICCFile is the way to a file of a SIM.
type UICCFile struct {
	// Application is the AID of the application that has it.
	Application []byte
	// Path is the numbers of the folders above it and its own, two octets each, the
	// high one first; 7FFF is the application's own folder.
	Path []byte
}

func walkUICCFile(c *cursor, v *UICCFile) {
	walkUICCVersion(c)
	octets(c, &v.Application)
	octets(c, &v.Path)
}

// Paths of the files that a router reads (3GPP TS 31.102).
var (
	// PathAD has the length of the MNC in the file's fourth octet.
	PathAD   = []byte{0x7f, 0xff, 0x6f, 0xad}
	PathGID1 = []byte{0x7f, 0xff, 0x6f, 0x3e}
	PathSPN  = []byte{0x7f, 0xff, 0x6f, 0x46}
)

// FileStatusQuery asks what a file is.
type FileStatusQuery struct {
	File UICCFile
}

func (*FileStatusQuery) about() Command   { return CmdUICCFileStatus }
func (*FileStatusQuery) classes() classes { return queries }

func (m *FileStatusQuery) walk(c *cursor) { walkUICCFile(c, &m.File) }

// CardResult is the SIM's own answer, the status words of ISO 7816: 90 00 is
// success.
type CardResult struct {
	SW1, SW2 uint32
}

func walkCardResult(c *cursor, v *CardResult) {
	walkUICCVersion(c)
	u32(c, &v.SW1)
	u32(c, &v.SW2)
}

// OK reports whether the SIM has done as it was told.
func (r CardResult) OK() bool { return r.SW1 == 0x90 || r.SW1 == 0x91 || r.SW1 == 0x9f }

// UICCFileAccessibility is whether several may use a file.
type UICCFileAccessibility uint32

// The accessibilities.
const (
	UICCFileAccessibilityUnknown      UICCFileAccessibility = 0
	UICCFileAccessibilityNotShareable UICCFileAccessibility = 1
	UICCFileAccessibilityShareable    UICCFileAccessibility = 2
)

// UICCFileType is what a file is.
type UICCFileType uint32

// The types of files.
const (
	UICCFileTypeUnknown    UICCFileType = 0
	UICCFileTypeWorkingEF  UICCFileType = 1
	UICCFileTypeInternalEF UICCFileType = 2
	UICCFileTypeDFOrADF    UICCFileType = 3
)

// UICCFileStructure is how a file is organised.
type UICCFileStructure uint32

// The structures of files.
const (
	UICCFileStructureUnknown     UICCFileStructure = 0
	UICCFileStructureTransparent UICCFileStructure = 1
	UICCFileStructureCyclic      UICCFileStructure = 2
	UICCFileStructureLinear      UICCFileStructure = 3
	UICCFileStructureBERTLV      UICCFileStructure = 4
)

// FileStatus is what a file is.
type FileStatus struct {
	Result              CardResult
	Accessibility       UICCFileAccessibility
	Type                UICCFileType
	Structure           UICCFileStructure
	ItemCount, ItemSize uint32
	// The PINs that each way of access needs.
	Read, Update, Activate, Deactivate PINType
}

func (*FileStatus) about() Command   { return CmdUICCFileStatus }
func (*FileStatus) classes() classes { return answers }

func (m *FileStatus) walk(c *cursor) {
	walkCardResult(c, &m.Result)
	u32(c, &m.Accessibility)
	u32(c, &m.Type)
	u32(c, &m.Structure)
	u32(c, &m.ItemCount)
	u32(c, &m.ItemSize)
	u32(c, &m.Read)
	u32(c, &m.Update)
	u32(c, &m.Activate)
	u32(c, &m.Deactivate)
}

// ReadBinary reads a file that is a string of octets.
type ReadBinary struct {
	File UICCFile
	// Size is in octets; FileStatus tells how many there are.
	Offset, Size uint32
	LocalPIN     PIN
	Data         []byte
}

func (*ReadBinary) about() Command   { return CmdUICCReadBinary }
func (*ReadBinary) classes() classes { return queries }

func (m *ReadBinary) walk(c *cursor) {
	walkUICCFile(c, &m.File)
	u32(c, &m.Offset)
	u32(c, &m.Size)
	text(c, &m.LocalPIN)
	octets(c, &m.Data)
}

// BinaryData is what is in a file.
type BinaryData struct {
	Result CardResult
	Data   []byte
}

func (*BinaryData) about() Command   { return CmdUICCReadBinary }
func (*BinaryData) classes() classes { return answers }

func (m *BinaryData) walk(c *cursor) {
	walkCardResult(c, &m.Result)
	octets(c, &m.Data)
}

// ReadRecord reads a record of a file that has such.
type ReadRecord struct {
	File UICCFile
	// Record counts from 1.
	Record   uint32
	LocalPIN PIN
	Data     []byte
}

func (*ReadRecord) about() Command   { return CmdUICCReadRecord }
func (*ReadRecord) classes() classes { return queries }

func (m *ReadRecord) walk(c *cursor) {
	walkUICCFile(c, &m.File)
	u32(c, &m.Record)
	text(c, &m.LocalPIN)
	octets(c, &m.Data)
}

// RecordData is what is in a record.
type RecordData struct {
	Result CardResult
	Data   []byte
}

func (*RecordData) about() Command   { return CmdUICCReadRecord }
func (*RecordData) classes() classes { return answers }

func (m *RecordData) walk(c *cursor) {
	walkCardResult(c, &m.Result)
	octets(c, &m.Data)
}
