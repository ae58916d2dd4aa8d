package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/invalid"
)

// Config is the configuration's section metrics.
type Config struct {
	Port int    `json:"port" jsonschema:"the TCP port on which a Prometheus server finds /metrics; policies of the firewall decide who reaches it"`
	VRF  string `json:"vrf,omitempty" jsonschema:"the VRF in which the port is open; the main table if absent"`
}

// Validate reports everything wrong with c, as errors of package invalid.
func (c Config) Validate() error {
	if c.Port < 1 || c.Port > 65535 {
		return invalid.Field("port", fmt.Sprintf("%d is no TCP port", c.Port), "write a number from 1 to 65535, such as 9717")
	}
	return nil
}

const (
	// patience bounds a request and its answer: a page is some kilobytes.
	patience = 10 * time.Second
	// maxHeader bounds what of a request is read, in octets.
	maxHeader = 16 << 10
	// maxConnections bounds the connections at a time. Prometheus has one.
	maxConnections = 16
)

// Exporter serves the metrics of a box, and nothing else.
type Exporter struct {
	cfg    Config
	status func() api.Status
	log    *slog.Logger
}

// New returns an Exporter of what status returns. cfg must be valid.
func New(cfg Config, status func() api.Status, log *slog.Logger) *Exporter {
	return &Exporter{cfg, status, log}
}

// String names the exporter in logs.
func (e *Exporter) String() string { return "metrics" }

// Run serves until ctx is cancelled.
func (e *Exporter) Run(ctx context.Context) error {
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if e.cfg.VRF == "" {
			return nil
		}
		var bound error
		err := c.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), e.cfg.VRF) })
		return errors.Join(err, bound)
	}}
	listener, err := listen.Listen(ctx, "tcp", fmt.Sprintf(":%d", e.cfg.Port))
	if err != nil {
		return fmt.Errorf("open the port of metrics: %w", err)
	}
	return e.serve(ctx, listener)
}

// serve serves on l, which it closes.
func (e *Exporter) serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Write(Text(e.status())) // an error means that the client has gone
	})
	server := &http.Server{
		Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(netutil.LimitListener(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
