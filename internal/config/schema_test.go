package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
)

func TestSchemaAcceptsTheSample(t *testing.T) {
	resolved := resolvedSchema(t)
	data, err := os.ReadFile("testdata/branch-17.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(instance(t, string(data))); err != nil {
		t.Errorf("the sample does not follow the schema: %v", err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	resolved := resolvedSchema(t)
	for _, text := range []string{
		"{}",
		"{hostname: a, hostnmae: b}",
		"{hostname: 17}",
		"{hostname: a, vrfs: {front: {table: 1}}}",
		"{hostname: a, vrfs: null}",
		"{hostname: a, interfaces: {lan: {port: lan1, ipv4: {address: 192.168.17.1}}}}",
		"{hostname: a, interfaces: {lan: {port: lan1, ipv4: {dhcp: 1}}}}",
		"{hostname: a, firewall: {policies: [{from: inside}]}}",
		"{hostname: a, tunnels: {hq: {underlay: front, address: 10.0.0.1/24, nhrp: {holding-time: 300}}}}",
		"{hostname: a, tunnels: {hq: {underlay: front, address: 10.0.0.1/24, nhrp: {authentication: x}}}}",
	} {
		if err := resolved.Validate(instance(t, text)); err == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

func resolvedSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// instance turns YAML into what JSON would have given.
func instance(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemaAndDecoderAgree walks the types and the schema together: both have
// the same keys, the same of them required, and every key is explained.
func TestSchemaAndDecoderAgree(t *testing.T) {
	root := reflect.TypeFor[File]()
	s, err := schemaOf(root)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "file", root, s)
}

func agree(t *testing.T, path string, typ reflect.Type, s *jsonschema.Schema) {
	t.Helper()
	switch {
	case typ == typeSecret, s.Type == "string":
	case typ.Kind() == reflect.Pointer:
		agree(t, path, typ.Elem(), s)
	case typ.Kind() == reflect.Slice:
		agree(t, path+"[]", typ.Elem(), s.Items)
	case typ.Kind() == reflect.Map:
		agree(t, path+".*", typ.Elem(), s.AdditionalProperties)
	case typ.Kind() == reflect.Struct:
		var keys, required []string
		for _, f := range fieldsOf(typ) {
			keys = append(keys, f.name)
			if f.required {
				required = append(required, f.name)
			}
			property := s.Properties[f.name]
			if property == nil {
				continue
			}
			if property.Description == "" {
				t.Errorf("%s.%s is not explained", path, f.name)
			}
			agree(t, path+"."+f.name, typ.FieldByIndex(f.index).Type, property)
		}
		slices.Sort(keys)
		if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(s.Properties))); diff != "" {
			t.Errorf("keys of %s (-decoder +schema):\n%s", path, diff)
		}
		if diff := cmp.Diff(required, s.Required); diff != "" {
			t.Errorf("required keys of %s (-decoder +schema):\n%s", path, diff)
		}
	}
}
