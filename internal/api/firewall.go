package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/farspoke/farspoke/firewall"
)

// maxConfig bounds a configuration that is sent, in octets.
const maxConfig = 8 << 20

// handleFirewall answers requests about the firewall.
func handleFirewall(mux *http.ServeMux, source Source) {
	for path, do := range map[string]func(string, []byte) (firewall.Change, error){
		"POST /firewall/check":  source.CheckFirewall,
		"POST /firewall/commit": source.CommitFirewall,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxConfig))
			if err != nil {
				answer(w, http.StatusRequestEntityTooLarge, failure{fmt.Sprintf("a configuration has at most %d octets", maxConfig)})
				return
			}
			change, err := do(r.FormValue("name"), text)
			if err != nil {
				answer(w, http.StatusUnprocessableEntity, failure{err.Error()})
				return
			}
			answer(w, http.StatusOK, change)
		})
	}
	mux.HandleFunc("GET /firewall/log", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, source.FirewallLog())
	})
	mux.HandleFunc("/firewall/addresses", func(w http.ResponseWriter, r *http.Request) {
		body, err := addresses(source.Addresses(), r)
		if err != nil {
			answer(w, http.StatusUnprocessableEntity, failure{err.Error()})
			return
		}
		answer(w, http.StatusOK, body)
	})
}

func addresses(groups Addresses, r *http.Request) (any, error) {
	if groups == nil {
		return nil, errors.New("there is no firewall: the configuration has errors")
	}
	group := r.FormValue("group")
	if r.Method == http.MethodGet {
		return groups.Members(group)
	}
	address, err := netip.ParseAddr(r.FormValue("address"))
	if err != nil || address.Zone() != "" {
		return nil, fmt.Errorf("%q is no address: write it like 192.0.2.7", r.FormValue("address"))
	}
	switch r.Method {
	case http.MethodPost:
		return struct{}{}, groups.Add(group, address.Unmap())
	case http.MethodDelete:
		return struct{}{}, groups.Remove(group, address.Unmap())
	}
	return nil, fmt.Errorf("nothing is done by %s", r.Method)
}

// CheckFirewall asks what the firewall of another configuration would change.
func (c *Client) CheckFirewall(ctx context.Context, name string, text []byte) (firewall.Change, error) {
	return c.sendFirewall(ctx, "check", name, text)
}

// CommitFirewall puts the firewall of another configuration in place.
func (c *Client) CommitFirewall(ctx context.Context, name string, text []byte) (firewall.Change, error) {
	return c.sendFirewall(ctx, "commit", name, text)
}

func (c *Client) sendFirewall(ctx context.Context, verb, name string, text []byte) (firewall.Change, error) {
	var change firewall.Change
	body, err := c.send(ctx, http.MethodPost, "/firewall/"+verb+"?name="+url.QueryEscape(name), text)
	if err != nil {
		return change, err
	}
	if err := json.Unmarshal(body, &change); err != nil {
		return change, fmt.Errorf("decode change: %w", err)
	}
	return change, nil
}

// FirewallLog returns the last packets that the firewall logged.
func (c *Client) FirewallLog(ctx context.Context) ([]firewall.Logged, error) {
	body, err := c.do(ctx, http.MethodGet, "/firewall/log")
	if err != nil {
		return nil, err
	}
	var lines []firewall.Logged
	if err := json.Unmarshal(body, &lines); err != nil {
		return nil, fmt.Errorf("decode firewall log: %w", err)
	}
	return lines, nil
}

// Addresses returns those in a group that is filled at run time.
func (c *Client) Addresses(ctx context.Context, group string) ([]netip.Addr, error) {
	body, err := c.do(ctx, http.MethodGet, "/firewall/addresses?group="+url.QueryEscape(group))
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("decode addresses: %w", err)
	}
	return all, nil
}

// AddAddress puts an address into such a group.
func (c *Client) AddAddress(ctx context.Context, group, address string) error {
	return c.changeAddress(ctx, http.MethodPost, group, address)
}

// RemoveAddress takes an address out of such a group.
func (c *Client) RemoveAddress(ctx context.Context, group, address string) error {
	return c.changeAddress(ctx, http.MethodDelete, group, address)
}

func (c *Client) changeAddress(ctx context.Context, method, group, address string) error {
	values := url.Values{"group": {group}, "address": {address}}
	_, err := c.do(ctx, method, "/firewall/addresses?"+values.Encode())
	return err
}
