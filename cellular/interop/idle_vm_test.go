//go:build vm

package interop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/internal/settle"
)

// aloneEnv has the test binary do one thing alone, so that it is a process's.
const aloneEnv = "FARSPOKE_TEST_ALONE"

// What such a process does.
const (
	aStation = "a station"
	nothing  = "nothing"
)

// stayAlone does it until the process is interrupted. It prints a line when it is
// idle.
func stayAlone() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := newStation(slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() {
		if os.Getenv(aloneEnv) == nothing {
			<-ctx.Done()
			done <- nil
		} else {
			done <- s.run(ctx)
		}
	}()
	if os.Getenv(aloneEnv) == aStation {
		if err := s.await(ctx, true); err != nil {
			return 1
		}
	}
	settle.Now() // as the router process
	fmt.Println("idle")
	if err := <-done; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// alone starts such a process and waits until it is idle. It is of a copy of this
// program, so that it does not share memory with this process, where the modem is.
func alone(b *testing.B, what string) (pid int, stop func()) {
	b.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	must(b, err)
	file := filepath.Join(b.TempDir(), "alone")
	must(b, os.WriteFile(file, program, 0o700))
	cmd := exec.Command(file)
	cmd.Env = append(os.Environ(), aloneEnv+"="+what)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "idle\n" {
		b.Fatalf("the process that does %s: %q, %v", what, said, err)
	}
	return cmd.Process.Pid, func() {
		must(b, cmd.Process.Signal(os.Interrupt))
		must(b, cmd.Wait())
	}
}

const (
	// settling is how long a process is left alone before it is watched, watching
	// for how long it is then.
	settling = 15 * time.Second
	watching = 2 * time.Minute
	// pause is the time without a turn of any thread after which the next one is a
	// wake-up, and glance how often it is looked for.
	pause  = time.Second
	glance = 100 * time.Millisecond
)

// BenchmarkIdle measures what a connected modem costs while nothing happens: the
// memory of a process that runs a Station alone, how often it wakes and how much
// processor time it takes, and the same of ModemManager and its proxy.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		pid, stop := alone(b, nothing)
		b.ReportMetric(pss(b, pid)/1024, "bare-KiB")
		stop()

		m := plugIn(b, usb.MBIM, quick())
		pid, stop = alone(b, aStation)
		ours := watch(b, pid)
		stop()
		m.unplug(b)

		manager := startManager(b)
		mark := manager.monitor.mark()
		m.plug()
		object := manager.appears(b, mark)
		connect(b, object)
		configure(b, show(b, "-b", bearerOf(b, object)))
		manager.monitor.stop() // it is not part of it
		around := 0.0
		for _, d := range []*daemon{manager.bus, manager.policy, manager.udev} {
			around += pss(b, d.pid())
		}
		managers := watch(b, append(processes("mbim-proxy"), manager.modems.pid())...)
		b.ReportMetric(around/1024, "around-KiB")
		manager.stop()

		ours.report(b, "ours")
		managers.report(b, "manager")
	}
}

// rest is what processes take while they are idle.
type rest struct {
	memory         float64 // Pss in octets
	wakeups, turns float64 // in an hour
	processor      time.Duration
}

func (r rest) report(b *testing.B, whose string) {
	b.ReportMetric(r.memory/1024, whose+"-KiB")
	b.ReportMetric(r.wakeups, whose+"-wakeups")
	b.ReportMetric(r.turns, whose+"-turns")
	b.ReportMetric(r.processor.Seconds(), whose+"-cpu-s")
}

// watch leaves processes alone and then watches them.
func watch(b *testing.B, pids ...int) rest {
	b.Helper()
	time.Sleep(settling)
	first := turns(b, pids...)
	last, lastTurn := first, time.Now()
	var wakeups int
	end := time.Now().Add(watching)
	for range time.Tick(glance) {
		now := turns(b, pids...)
		if now.count != last.count {
			if time.Since(lastTurn) >= pause {
				wakeups++
			}
			last, lastTurn = now, time.Now()
		}
		if time.Now().After(end) {
			break
		}
	}
	perHour := float64(time.Hour) / float64(watching)
	if last.count == first.count {
		b.Fatal("the kernel counts no turns")
	}
	r := rest{
		wakeups: float64(wakeups) * perHour, turns: float64(last.count-first.count) * perHour,
		processor: time.Duration(float64(last.spent-first.spent) * perHour),
	}
	for _, pid := range pids {
		r.memory += pss(b, pid)
	}
	return r
}

// turn is how often the threads of processes have had a processor, and for how long
// (/proc/PID/task/TID/schedstat: time in ns, time in the queue, turns).
type turn struct {
	count int
	spent time.Duration
}

func turns(b *testing.B, pids ...int) (all turn) {
	b.Helper()
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		must(b, err)
		if len(files) == 0 {
			b.Fatalf("process %d has ended", pid)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
				continue // a thread that has ended
			}
			must(b, err)
			var spent, queued, count int64
			_, err = fmt.Sscan(string(text), &spent, &queued, &count)
			must(b, err)
			all.count += int(count)
			all.spent += time.Duration(spent)
		}
	}
	return all
}

// pss is the proportional set size of a process in octets, which is none once it has
// ended, as those mbim-proxies do that find another one there.
func pss(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0
	}
	must(b, err)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); words[0] == "Pss:" {
			kib, err := strconv.ParseFloat(words[1], 64)
			must(b, err)
			return kib * 1024
		}
	}
	b.Fatalf("process %d tells no Pss: %s", pid, text)
	return 0
}
