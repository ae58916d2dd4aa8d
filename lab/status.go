package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/farspoke/farspoke/internal/api"
)

// boxStatus asks our box for its status.
func boxStatus(ctx context.Context, box runner) (api.Status, error) {
	var status api.Status
	out, err := box.Run(ctx, "/init show status --json")
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return status, fmt.Errorf("read the box's status: %w", err)
	}
	return status, nil
}
