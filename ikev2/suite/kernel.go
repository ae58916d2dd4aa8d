package suite

// Kernel names an algorithm to the kernel's crypto layer.
type Kernel struct {
	Name string
	Key  []byte
	// ICVBits is the length of the integrity check value.
	ICVBits int
}

var kernelIntegrity = map[uint16]string{
	integritySHA1: "hmac(sha1)", integritySHA256: "hmac(sha256)",
	integritySHA384: "hmac(sha384)", integritySHA512: "hmac(sha512)",
}

// Kernel returns the algorithms of one direction as the kernel's ESP names
// them: either aead alone, or crypt and auth.
func (s ESP) Kernel(keys Direction) (aead, crypt, auth *Kernel) {
	if isAEAD(s.Encryption) {
		return &Kernel{Name: "rfc4106(gcm(aes))", Key: keys.Encryption, ICVBits: 8 * gcmICVLength}, nil, nil
	}
	return nil, &Kernel{Name: "cbc(aes)", Key: keys.Encryption},
		&Kernel{Name: kernelIntegrity[s.Integrity.ID], Key: keys.Integrity, ICVBits: 8 * icvLength(s.Integrity)}
}
