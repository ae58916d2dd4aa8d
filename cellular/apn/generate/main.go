// Command generate compiles the provider database of Debian's package
// mobile-broadband-provider-info, which is in the public domain, into the table
// that package apn holds:
//
//	go generate ./cellular/apn
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/rootfs"
)

const (
	packageName = "mobile-broadband-provider-info"
	database    = "usr/share/mobile-broadband-provider-info/serviceproviders.xml"
)

func main() {
	output := flag.String("output", "providers.txt", "the file to write")
	flag.Parse()
	if err := run(context.Background(), *output); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, output string) error {
	table, err := fetch(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(output, table, 0o644)
}

// fetch returns the table compiled from Debian's package.
func fetch(ctx context.Context) ([]byte, error) {
	cache, err := debian.UserCache()
	if err != nil {
		return nil, err
	}
	packages, err := cache.Packages(ctx, "providers", packageName)
	if err != nil {
		return nil, err
	}
	files, err := rootfs.Unpack(ctx, packages[0].File)
	if err != nil {
		return nil, err
	}
	file, ok := files[database]
	if !ok {
		return nil, fmt.Errorf("%s has no %s", packageName, database)
	}
	return compile(packageName+" "+packages[0].Version, file.Data)
}
