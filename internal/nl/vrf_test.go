package nl

import (
	"maps"
	"testing"
)

func TestAssignTables(t *testing.T) {
	for _, tt := range []struct {
		names    []string
		existing map[string]uint32
		want     map[string]uint32
	}{
		{nil, nil, map[string]uint32{}},
		{[]string{"front"}, nil, map[string]uint32{"front": 1000}},
		{[]string{"lte", "front"}, nil, map[string]uint32{"front": 1000, "lte": 1001}},
		{[]string{"lte", "a"}, map[string]uint32{"lte": 1000}, map[string]uint32{"lte": 1000, "a": 1001}},
		{[]string{"a", "b", "c"}, map[string]uint32{"c": 1001, "b": 20}, map[string]uint32{"a": 1000, "b": 20, "c": 1001}},
	} {
		if got := assignTables(tt.names, tt.existing); !maps.Equal(got, tt.want) {
			t.Errorf("assignTables(%v, %v) = %v, want %v", tt.names, tt.existing, got, tt.want)
		}
	}
}
