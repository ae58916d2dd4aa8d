package invalid

import (
	"errors"
	"slices"
	"testing"
)

func TestInPrefixesEveryJoinedError(t *testing.T) {
	err := errors.Join(
		Field("key", "is negative", "write a key from 0 to 4294967295"),
		Index(errors.New("no such address"), "servers", 2),
	)
	got := List(In(err, "tunnels", "hq"))
	want := [][]string{{"tunnels", "hq", "key"}, {"tunnels", "hq", "servers", "2"}}
	if len(got) != len(want) {
		t.Fatalf("got %d errors, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if !slices.Equal(got[i].Path, want[i]) {
			t.Errorf("error %d is at %v, want %v", i, got[i].Path, want[i])
		}
	}
	if got, want := got[0].Error(), "tunnels.hq.key: is negative; write a key from 0 to 4294967295"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestInKeepsNil(t *testing.T) {
	if err := In(nil, "tunnels"); err != nil {
		t.Errorf("In(nil) = %v, want nil", err)
	}
}
