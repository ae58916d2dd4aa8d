package qmi

import "testing"

func TestBandNames(t *testing.T) {
	for number, want := range map[uint16]string{
		39: "", 40: "GSM 450", 48: "PCS 1900", 49: "", 80: "B1", 87: "B8", 89: "", 91: "B19", 92: "",
		119: "", 120: "B1", 133: "B14", 134: "B17", 143: "B18", 145: "B20", 152: "B23", 158: "B28", 161: "B66", 168: "B71", 169: "",
		249: "", 250: "n1", 257: "n28", 269: "n78", 277: "n257", 282: "n12", 296: "n53", 297: "", 0xffff: "",
	} {
		if got := BandName(number); got != want {
			t.Errorf("%d is %q, want %q", number, got, want)
		}
	}
}
