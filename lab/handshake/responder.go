package handshake

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/lab/sandbox"
)

// espProposal is that of the child SA, for both responders. A kernel without ESP
// refuses these algorithms at once, and of AES-GCM it first tries to build them
// on a thread of its own.
const espProposal = "aes256-sha256"

// Responder is a make of responder.
type Responder struct {
	Name string
	// Proposal is what the spokes offer for the IKE SA.
	Proposal string
	start    func(ctx context.Context, ns *sandbox.Namespace, cpu int) (*process, error)
}

// process is a running program.
type process struct {
	*os.Process
	cmd    *exec.Cmd
	output bytes.Buffer
}

// start runs a program in a namespace on one processor, below a root directory
// unless that is empty, until ctx ends.
func start(ctx context.Context, ns *sandbox.Namespace, cpu int, root, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if root != "" {
		p.cmd.Dir = "/"
	}
	err := ns.Do(func() error {
		// A process begins where the thread is that starts it.
		if err := unix.SchedSetaffinity(0, only(cpu)); err != nil {
			return fmt.Errorf("choose a processor: %w", err)
		}
		return p.cmd.Start()
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p.Process = p.cmd.Process
	return p, nil
}

// wait waits until the program has done its work.
func (p *process) wait() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, p.output.Bytes())
	}
	return nil
}

// end kills the program and waits until it is gone.
func (p *process) end() {
	p.Kill()
	p.cmd.Wait() // that it was killed is no news
}
