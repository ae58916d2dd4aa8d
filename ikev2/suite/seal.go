package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// errIntegrity says no more than it must: the sender may be anyone.
var errIntegrity = errors.New("integrity check failed")

const (
	gcmIVLength  = 8
	gcmICVLength = 16
)

// Seal returns the message that carries the payloads, protected by the sender's
// keys.
//
// With AES-GCM the initialization vector is made of the header's message id and
// response flag and so never repeats, not even after a restart, as long as no
// two different messages are sealed under one header. With AES-CBC it is drawn
// from random, as it must not be predictable.
func (s IKE) Seal(h wire.Header, payloads []wire.Payload, keys Direction, random io.Reader) ([]byte, error) {
	first, plain := wire.MarshalPayloads(payloads)
	if isAEAD(s.Encryption) {
		plain = append(plain, 0) // Pad Length
		b := wire.MarshalEncrypted(h, first, gcmIVLength+len(plain)+gcmICVLength)
		aead, salt := newGCM(keys.Encryption)
		iv := uint64(h.MessageID)
		if h.Response() {
			iv |= 1 << 32
		}
		nonce := binary.BigEndian.AppendUint64(salt, iv)
		return aead.Seal(append(b, nonce[saltLength:]...), nonce, plain, b), nil
	}
	block := newAES(keys.Encryption)
	padding := aes.BlockSize - 1 - len(plain)%aes.BlockSize
	plain = append(append(plain, make([]byte, padding)...), byte(padding))
	icv := icvLength(s.Integrity)
	b := wire.MarshalEncrypted(h, first, aes.BlockSize+len(plain)+icv)
	iv := make([]byte, aes.BlockSize)
	if _, err := io.ReadFull(random, iv); err != nil {
		return nil, fmt.Errorf("draw initialization vector: %w", err)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	b = append(append(b, iv...), plain...)
	return append(b, s.mac(keys, b)[:icv]...), nil
}

// Open checks the integrity of an Encrypted payload by the sender's keys and
// returns the payloads inside. An error that is a *wire.Error comes from the
// holder of the keys; any other may come from anyone.
func (s IKE) Open(e *wire.Encrypted, keys Direction) ([]wire.Payload, error) {
	plain, err := s.decrypt(e, keys)
	if err != nil {
		return nil, err
	}
	if len(plain) == 0 || int(plain[len(plain)-1]) >= len(plain) {
		return nil, &wire.Error{Offset: len(plain), Problem: "padding is longer than what it pads"}
	}
	return wire.ParsePayloads(e.First, plain[:len(plain)-1-int(plain[len(plain)-1])])
}

func (s IKE) decrypt(e *wire.Encrypted, keys Direction) ([]byte, error) {
	if isAEAD(s.Encryption) {
		if len(e.Body) < gcmIVLength+gcmICVLength+1 {
			return nil, errIntegrity
		}
		aead, salt := newGCM(keys.Encryption)
		plain, err := aead.Open(nil, append(salt, e.Body[:gcmIVLength]...), e.Body[gcmIVLength:], e.Associated)
		if err != nil {
			return nil, errIntegrity
		}
		return plain, nil
	}
	icv := icvLength(s.Integrity)
	split := len(e.Body) - icv
	if split < 2*aes.BlockSize || split%aes.BlockSize != 0 {
		return nil, errIntegrity
	}
	if !hmac.Equal(s.mac(keys, e.Associated, e.Body[:split])[:icv], e.Body[split:]) {
		return nil, errIntegrity
	}
	plain := make([]byte, split-aes.BlockSize)
	cipher.NewCBCDecrypter(newAES(keys.Encryption), e.Body[:aes.BlockSize]).CryptBlocks(plain, e.Body[aes.BlockSize:split])
	return plain, nil
}

func (s IKE) mac(keys Direction, data ...[]byte) []byte {
	mac := hmac.New(newHash(s.Integrity), keys.Integrity)
	for _, d := range data {
		mac.Write(d)
	}
	return mac.Sum(nil)
}

func icvLength(t wire.Transform) int {
	a, _ := byTransform(t)
	return a.icv
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // key lengths come from the table
	}
	return block
}

// newGCM returns the cipher and a copy of the salt with room for the rest of
// the nonce.
func newGCM(key []byte) (aead cipher.AEAD, salt []byte) {
	split := len(key) - saltLength
	aead, err := cipher.NewGCM(newAES(key[:split]))
	if err != nil {
		panic(err)
	}
	return aead, append(make([]byte, 0, saltLength+gcmIVLength), key[split:]...)
}
