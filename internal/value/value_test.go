package value

import (
	"context"
	"sync"
	"testing"
)

func TestLoadReturnsLatest(t *testing.T) {
	var v Value[int]
	if got, _ := v.Load(); got != 0 {
		t.Fatalf("zero Value holds %d, want 0", got)
	}
	v.Set(1)
	v.Set(2)
	if got, _ := v.Load(); got != 2 {
		t.Fatalf("Load() = %d, want the latest, 2", got)
	}
}

func TestSetWakesEveryReader(t *testing.T) {
	var v Value[string]
	var readers sync.WaitGroup
	for range 3 {
		_, changed := v.Load()
		readers.Go(func() { <-changed })
	}
	v.Set("up")
	readers.Wait()

	select {
	case <-func() <-chan struct{} { _, c := v.Load(); return c }():
		t.Fatal("changed is closed although nothing was set after Load")
	default:
	}
}

func TestReaderNeverMissesTheLast(t *testing.T) {
	var v Value[int]
	const last = 1000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			got, changed := v.Load()
			if got == last {
				return
			}
			<-changed
		}
	}()
	for i := range last + 1 {
		v.Set(i)
	}
	<-done
}

func TestFollowTellsOfEachOfManyValues(t *testing.T) {
	values := make([]Value[int], 3)
	changes := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	for i := range values {
		following.Go(func() { values[i].Follow(ctx, changes) })
	}
	<-changes // something is there to be loaded from the beginning
	for i := range values {
		values[i].Set(1)
	}
	for sum := 0; sum < len(values); {
		<-changes
		sum = 0
		for i := range values {
			got, _ := values[i].Load()
			sum += got
		}
	}
	cancel()
	following.Wait()
}
