package cellular

import "context"

// task is what runs for a connection until it is ended.
type task struct {
	stop context.CancelFunc
	done chan struct{}
}

// begin runs until the task is ended, whereupon ctx is done.
func begin(run func(ctx context.Context)) task {
	ctx, stop := context.WithCancel(context.Background())
	t := task{stop, make(chan struct{})}
	go func() {
		defer close(t.done)
		run(ctx)
	}()
	return t
}

// end ends the task and waits until it has.
func (t task) end() {
	t.stop()
	<-t.done
}
