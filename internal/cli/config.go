package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/internal/config"
)

func configCheck(_ context.Context, c *CLI, r request) error {
	f, needed, err := config.Check(r.args[0])
	if errs, ok := errors.AsType[*config.Errors](err); ok {
		fmt.Fprintln(c.Stderr, errs)
		return errSilent
	}
	if err != nil {
		return err
	}
	for _, w := range f.Warnings() {
		fmt.Fprintf(c.Stdout, "warning: %s", w.Text())
	}
	fmt.Fprintf(c.Stdout, "%s: the configuration of %s is sound\n", r.args[0], f.Hostname)
	if len(needed) > 0 {
		fmt.Fprintf(c.Stdout, "the box will need these secrets in its %s: %s\n", config.SecretsFile, strings.Join(needed, ", "))
	}
	return nil
}

func configSchema(_ context.Context, c *CLI, _ request) error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "%s\n", schema)
	return err
}
