// Package secret keeps secret values out of logs, dumps and configuration
// files. The configuration names a secret, `{secret: ike-hq}`; the value lives
// in a file of its own that only root reads, and joins the name when the
// configuration is loaded.
package secret

// Secret is a reference to a secret and, once resolved, its value. Printing or
// marshalling it shows the name alone.
type Secret struct {
	// Name is the key of the value in the secrets file.
	Name  string `json:"secret" jsonschema:"the name of the secret in the secrets file"`
	value string
}

// New returns a resolved Secret.
func New(name, value string) Secret { return Secret{Name: name, value: value} }

// Reveal returns the value, empty while unresolved. It must go nowhere but
// into a computation or onto the wire.
func (s Secret) Reveal() string { return s.value }

// Resolve gives s its value.
func (s *Secret) Resolve(value string) { s.value = value }

// String returns the name, never the value.
func (s Secret) String() string { return "secret " + s.Name }

// GoString returns the name, never the value.
func (s Secret) GoString() string { return "secret.Secret{" + s.Name + "}" }
