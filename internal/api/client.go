package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/farspoke/farspoke/cellular"
)

// Client talks to the router process of this box.
type Client struct {
	http http.Client
}

// timeout bounds a request: the router answers from memory, or hangs.
const timeout = 10 * time.Second

// NewClient returns a Client for the control socket at path. It connects with
// the first request.
func NewClient(path string) *Client {
	return &Client{http: http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}}
}

// Status returns the status of the box.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	body, err := c.do(ctx, http.MethodGet, "/status")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("decode status: %w", err)
	}
	return s, nil
}

// Cellular returns how the modems are.
func (c *Client) Cellular(ctx context.Context) ([]cellular.Status, error) {
	body, err := c.do(ctx, http.MethodGet, "/cellular")
	if err != nil {
		return nil, err
	}
	var modems []cellular.Status
	if err := json.Unmarshal(body, &modems); err != nil {
		return nil, fmt.Errorf("decode the state of the modems: %w", err)
	}
	return modems, nil
}

// Paths returns which way traffic to an address takes by each tunnel.
func (c *Client) Paths(ctx context.Context, to netip.Addr) ([]Path, error) {
	body, err := c.do(ctx, http.MethodGet, "/path?to="+url.QueryEscape(to.String()))
	if err != nil {
		return nil, err
	}
	var paths []Path
	if err := json.Unmarshal(body, &paths); err != nil {
		return nil, fmt.Errorf("decode paths: %w", err)
	}
	return paths, nil
}

// Config returns the text of the running configuration.
func (c *Client) Config(ctx context.Context) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/config")
}

// Reboot asks for a restart of the box.
func (c *Client) Reboot(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodPost, "/reboot")
	return err
}

// FactoryReset asks for a restart at which everything of the owner's is erased.
func (c *Client) FactoryReset(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodPost, "/factory-reset")
	return err
}

// maxAnswer bounds what a Client reads, in octets.
const maxAnswer = 16 << 20

func (c *Client) do(ctx context.Context, method, path string) ([]byte, error) {
	return c.send(ctx, method, path, nil)
}

// send is do with a body.
func (c *Client) send(ctx context.Context, method, path string, content []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://farspoke"+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL is of no interest to the reader
		}
		return nil, fmt.Errorf("reach the router process: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer of the router process: %w", err)
	}
	if response.StatusCode/100 != 2 {
		var f failure
		if json.Unmarshal(body, &f) != nil || f.Error == "" {
			f.Error = response.Status + ": " + strings.TrimSpace(string(body))
		}
		return nil, fmt.Errorf("the router process refuses: %s", f.Error)
	}
	return body, nil
}
