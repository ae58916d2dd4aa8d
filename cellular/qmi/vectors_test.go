package qmi

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// vector is a message as octets, built by hand from the published description
// that the table names, and as what it means.
type vector struct {
	name        string
	octets      string // hexadecimal, spaces anywhere
	client      uint8
	transaction uint16
	body        Body
}

// vectors returns all tables of the package's tests.
func vectors() []vector {
	var all []vector
	for _, table := range [][]vector{ctlVectors, dmsVectors, uimVectors, nasVectors, wdsVectors, wdaVectors} {
		all = append(all, table...)
	}
	return all
}

func octetsOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// empty returns a new body of b's type.
func empty(b Body) Body { return reflect.New(reflect.TypeOf(b).Elem()).Interface().(Body) }

// refusalOf returns the code in b if b is a response that says no.
func refusalOf(b Body) ErrorCode {
	if r := reflect.ValueOf(b).Elem().FieldByName("Result"); r.IsValid() {
		return r.Interface().(Result).Code
	}
	return Success
}

func TestVectorsBothWays(t *testing.T) {
	for _, v := range vectors() {
		t.Run(name(v.body)+" "+v.name, func(t *testing.T) {
			octets := octetsOf(t, v.octets)
			m, err := New(v.client, v.transaction, v.body)
			if err != nil {
				t.Fatal(err)
			}
			written, err := m.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(written, octets) {
				t.Errorf("written:\n% x\nwant:\n% x", written, octets)
			}
			read, err := Parse(octets)
			if err != nil {
				t.Fatal(err)
			}
			if read.Client != v.client || read.Transaction != v.transaction {
				t.Errorf("client %d, transaction %d, want %d, %d", read.Client, read.Transaction, v.client, v.transaction)
			}
			body := empty(v.body)
			err = read.Decode(body)
			if refusal := refusalOf(v.body); refusal == Success && err != nil || refusal != Success && !errors.Is(err, refusal) {
				t.Errorf("read: %v", err)
			}
			if !reflect.DeepEqual(body, v.body) {
				t.Errorf("read:\n%+v\nwant:\n%+v", body, v.body)
			}
		})
	}
}
