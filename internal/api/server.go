package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/firewall"
)

// Source is the router as the API sees it. Its methods are called concurrently.
type Source interface {
	// Status returns a snapshot.
	Status() Status
	// Cellular asks the modems anew and returns how they are.
	Cellular(ctx context.Context) []cellular.Status
	// Paths returns which way traffic to an address takes by each tunnel.
	Paths(to netip.Addr) []Path
	// Config returns the text of the running configuration.
	Config() []byte
	// CheckFirewall says what the firewall of another configuration would change,
	// CommitFirewall puts it in place. name is for messages.
	CheckFirewall(name string, text []byte) (firewall.Change, error)
	CommitFirewall(name string, text []byte) (firewall.Change, error)
	// FirewallLog returns the last packets that the firewall logged.
	FirewallLog() []firewall.Logged
	// Addresses is who fills groups of addresses; nil if there is no firewall.
	Addresses() Addresses
	// Reboot asks for an orderly restart of the box and returns when the
	// request is accepted.
	Reboot(ctx context.Context) error
	// FactoryReset orders that everything of the owner's is erased at the next
	// start, and asks for that.
	FactoryReset(ctx context.Context) error
}

// Addresses are the groups of addresses that are filled at run time.
type Addresses interface {
	Members(group string) ([]netip.Addr, error)
	Add(group string, address netip.Addr) error
	Remove(group string, address netip.Addr) error
}

// Listen opens the control socket at path, readable by its owner alone. It
// takes the place of a socket that an earlier process has left.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create directory of control socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove old control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("close control socket to others: %w", err)
	}
	return l, nil
}

// Serve answers on l until ctx is cancelled. It closes l.
func Serve(ctx context.Context, l net.Listener, source Source, log *slog.Logger) error {
	server := &http.Server{
		Handler:        handler(source, log),
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() {
		// Answers are short: whoever has not got his in a second is gone.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return nil
}

func handler(source Source, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, source.Status())
	})
	mux.HandleFunc("GET /cellular", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, source.Cellular(r.Context()))
	})
	mux.HandleFunc("GET /path", func(w http.ResponseWriter, r *http.Request) {
		to, err := netip.ParseAddr(r.FormValue("to"))
		if err != nil {
			answer(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		answer(w, http.StatusOK, source.Paths(to))
	})
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(source.Config())
	})
	handleFirewall(mux, source)
	for path, end := range map[string]func(context.Context) error{
		"/reboot":        source.Reboot,
		"/factory-reset": source.FactoryReset,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			log.Info("somebody at the console or the control socket has asked for a " + path[1:])
			if err := end(r.Context()); err != nil {
				answer(w, http.StatusInternalServerError, failure{err.Error()})
				return
			}
			answer(w, http.StatusAccepted, struct{}{})
		})
	}
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error means that the client has gone.
	json.NewEncoder(w).Encode(body)
}
