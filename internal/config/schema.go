package config

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"
)

// The notations of the types that are written as text. They help an editor;
// the reader itself is stricter.
const (
	durationPattern = `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`
	addressPattern  = `^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$`
	prefixPattern   = `^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)/[0-9]{1,3}$`
)

// Schema returns the JSON Schema (draft 2020-12) of the configuration file,
// indented. Editors complete and check the file by it.
func Schema() ([]byte, error) {
	s, err := schemaOf(reflect.TypeFor[File]())
	if err != nil {
		return nil, err
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Farspoke configuration"
	return json.MarshalIndent(s, "", "  ")
}

func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	known := map[reflect.Type]*jsonschema.Schema{
		typeDuration: {Type: "string", Pattern: durationPattern},
		typeAddr:     {Type: "string", Pattern: addressPattern},
		typePrefix:   {Type: "string", Pattern: prefixPattern},
		typeSecret: {
			Type:                 "object",
			Properties:           map[string]*jsonschema.Schema{"secret": {Type: "string", Pattern: secretName.String(), Description: "the name of the value in " + SecretsFile}},
			Required:             []string{"secret"},
			AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
		},
	}
	textTypes(t, known)
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: known})
	if err != nil {
		return nil, fmt.Errorf("derive schema of %s: %w", t, err)
	}
	refuseNull(s)
	return s, nil
}

// textTypes adds to known each type within t that is written as text.
func textTypes(t reflect.Type, known map[reflect.Type]*jsonschema.Schema) {
	if known[t] != nil {
		return
	}
	if reflect.PointerTo(t).Implements(typeText) {
		known[t] = &jsonschema.Schema{Type: "string"}
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		textTypes(t.Elem(), known)
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			textTypes(t.FieldByIndex(f.index).Type, known)
		}
	}
}

// refuseNull takes back that lists and pointers may be null: a key without a
// value is an error in the file.
func refuseNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	refuseNull(s.Items)
	refuseNull(s.AdditionalProperties)
	for _, p := range s.Properties {
		refuseNull(p)
	}
}
