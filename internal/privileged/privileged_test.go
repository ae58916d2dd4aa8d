package privileged

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var floor = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// pid1 records what it is asked to do.
type pid1 struct {
	done chan string
}

func (p pid1) Alive()          { p.done <- "alive" }
func (p pid1) Booted() error   { p.done <- "await-boot"; return nil }
func (p pid1) Reboot() error   { p.done <- "reboot"; return nil }
func (p pid1) PowerOff() error { p.done <- "power-off"; return nil }
func (p pid1) FactoryReset() error {
	p.done <- "factory-reset"
	return nil
}
func (p pid1) SetTime(t time.Time) error {
	if t.Before(floor) {
		return errors.New("before the image was built")
	}
	p.done <- "set-time " + t.String()
	return nil
}

func (p pid1) Keep(name string, file *os.File) error {
	text, err := io.ReadAll(file)
	p.done <- "keep " + name + ": " + string(text)
	return errors.Join(err, file.Close())
}
func (p pid1) Drop(name string) { p.done <- "drop " + name }

// start connects a router's end to a PID 1 that serves it.
func start(t *testing.T) (router *net.UnixConn, done chan string, served chan error) {
	t.Helper()
	ours, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	router, err = connect(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); router.Close() })
	done, served = make(chan string, 10), make(chan error, 1)
	go func() { served <- Serve(t.Context(), slog.New(slog.DiscardHandler), ours, pid1{done}) }()
	return router, done, served
}

func TestActs(t *testing.T) {
	conn, done, served := start(t)
	router := NewClient(conn)
	now := floor.Add(time.Hour)
	socket := fileWith(t, "hello")
	for _, test := range []struct {
		ask  func() error
		want string
	}{
		{func() error { return router.AwaitBoot(t.Context()) }, "await-boot"},
		{router.Alive, "alive"},
		{func() error { return router.SetTime(t.Context(), now) }, "set-time " + now.String()},
		{func() error { return router.PowerOff(t.Context()) }, "power-off"},
		{func() error { return router.Reboot(t.Context()) }, "reboot"},
		{func() error { return router.FactoryReset(t.Context()) }, "factory-reset"},
		{func() error { return router.Keep(t.Context(), "ike-front-500", socket) }, "keep ike-front-500: hello"},
		{func() error { return router.Drop(t.Context(), "ike-front-500") }, "drop ike-front-500"},
		{router.Alive, "alive"},
	} {
		if err := test.ask(); err != nil {
			t.Fatal(err)
		}
		if got := <-done; got != test.want {
			t.Errorf("PID 1 did %q, want %q", got, test.want)
		}
	}
	conn.Close()
	if err := <-served; err != nil {
		t.Errorf("the router's end: %v", err)
	}
}

// fileWith returns a file that holds text.
func fileWith(t *testing.T, text string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func TestRefusals(t *testing.T) {
	conn, done, _ := start(t)
	router := NewClient(conn)
	err := router.SetTime(t.Context(), floor.Add(-time.Second))
	if err == nil || !strings.Contains(err.Error(), "before the image was built") {
		t.Errorf("got %v, want PID 1's reason", err)
	}
	if err := router.SetTime(t.Context(), time.Time{}); err == nil {
		t.Error("no time at all was accepted")
	}
	if err := router.Keep(t.Context(), "../etc", fileWith(t, "")); err == nil {
		t.Error("a file was kept under a path")
	}
	if err := router.Keep(t.Context(), "ike", nil); err == nil {
		t.Error("no file at all was kept")
	}
	for _, message := range []string{
		`{"id":9,"do":"format-disk"}`, `{"do":7}`, `[]`, `reboot`, strings.Repeat(" ", maxMessage+100),
	} {
		if _, err := conn.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, maxMessage)
		n, err := conn.Read(buffer)
		if err != nil || !strings.Contains(string(buffer[:n]), `"error":"`) {
			t.Errorf("%.20q: answer %q, %v", message, buffer[:n], err)
		}
	}
	// It still serves after all that.
	if err := router.Alive(); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got != "alive" {
		t.Errorf("PID 1 did %q", got)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	ours, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	conn, err := connect(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	router := NewClient(conn)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := router.Reboot(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent PID 1: got %v", err)
	}

	// The late answer must not be taken for that of the next call.
	if err := send(ours, reply{ID: 1, Error: "too late"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := send(ours, reply{ID: 2}, nil); err != nil {
		t.Fatal(err)
	}
	if err := router.Reboot(t.Context()); err != nil {
		t.Errorf("second call: %v", err)
	}
	ours.Close()
	if err := router.Reboot(t.Context()); err == nil {
		t.Error("a call without PID 1 succeeded")
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"do":"alive"}`))
	f.Add([]byte(`{"id":7,"do":"set-time","time":"2026-11-21T18:00:00Z"}`))
	f.Add([]byte(`{"id":7,"do":"reboot"}`))
	f.Add([]byte(`{"id":8,"do":"keep","name":"ike-front-500"}`))
	f.Add([]byte(`{"id":9,"do":"drop","name":"ike-front-500"}`))
	f.Add([]byte(`{"id":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parse(data)
		if err != nil {
			return
		}
		if r.Do == setTime && r.Time.IsZero() {
			t.Errorf("%q sets no time", data)
		}
		acts := pid1{make(chan string, 1)}
		if err := r.perform(acts); err != nil && r.Do != alive && r.Do != setTime && r.Do != keep {
			t.Errorf("%q was understood and not done: %v", data, err)
		}
	})
}
