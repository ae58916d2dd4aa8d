package kmod

import (
	"bytes"
	"testing"
)

func TestPack(t *testing.T) {
	module := bytes.Repeat([]byte("module "), 1000)
	path, packed, err := Pack("kernel/drivers/net/usb/qmi_wwan.ko", module)
	if err != nil || Name(path) != "qmi_wwan" || len(packed) > len(module)/10 {
		t.Fatalf("packed %s into %d octets, %v", path, len(packed), err)
	}
	if got, err := unpack(packed); err != nil || !bytes.Equal(got, module) {
		t.Errorf("unpacked %d octets of %d, %v", len(got), len(module), err)
	}
	for _, bad := range [][]byte{nil, module, packed[:len(packed)-1]} {
		if _, err := unpack(bad); err == nil {
			t.Errorf("%d octets that are no packed module are unpacked", len(bad))
		}
	}
}
