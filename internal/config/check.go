package config

import (
	"errors"

	"github.com/farspoke/farspoke/internal/invalid"
)

// Validate reports what is wrong within each component's part and between them.
func (f *File) Validate() error {
	var errs []error
	for name, c := range f.Interfaces {
		errs = append(errs, invalid.In(c.Validate(), "interfaces", name))
	}
	return errors.Join(errs...)
}
