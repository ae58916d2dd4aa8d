package pid1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/farspoke/farspoke/internal/bootlog"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/pid1/disk"
)

const (
	// dataDir is where the data partition is mounted, and emptyDataFile the file
	// system of a new one.
	dataDir       = "/data"
	emptyDataFile = siteDir + "/data.ext4.gz"
	// siteDir holds the configuration that came with the image, if one did.
	siteDir = "/etc/farspoke"

	// proof is how long the router has to be alive without a gap before a slot has
	// lived, and trialLimit when that has to have happened to one on trial since its
	// start.
	proof      = 10 * time.Second
	trialLimit = 90 * time.Second
)

// slot is what the box has started from. Its report is changed by one goroutine at
// a time: the boot's, and after it the one that proves it.
type slot struct {
	record recordKeeper
	report bootstate.Report
	// unproved says that the record has starts of this slot, the good one, which are
	// to be cleared when it has lived.
	unproved bool
	log      *slog.Logger
}

// recordKeeper is the disk as far as goes what is written outside of the data
// partition: the record, and the order of a factory reset.
type recordKeeper interface {
	Record() (bootstate.Record, error)
	Settle(bootstate.Slot) error
	OrderReset() error
	GiveUp() error
}

// openDisk finds out which slot runs and what it is to the record, mounts the data
// partition, and leaves a report. A box that has not started from a slot has no
// disk, and returns nil.
func (b *box) openDisk(ctx context.Context) (*slot, error) {
	commandLine, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, fmt.Errorf("read the kernel's command line: %w", err)
	}
	origin, ok := disk.ParseOrigin(string(commandLine))
	if !ok {
		return nil, nil
	}
	s := &slot{report: bootstate.Report{Slot: origin.Slot, Key: origin.Key}, log: b.log}
	errs := []error{b.modules.Load(b.board.Boot.Modules...)}
	if d, err := disk.Open(ctx, filepath.Join("/dev", b.board.Boot.Disk)); err != nil {
		s.report.Standing, s.report.Note = bootstate.Unknown, "the disk cannot be read"
		errs = append(errs, err)
	} else {
		s.record = d
		errs = append(errs, s.judge())
		mounted, note, err := d.MountData(ctx, emptyDataFile, dataDir)
		errs = append(errs, err)
		s.remark(note)
		if note != "" {
			errs = append(errs, b.forgetCrash())
		}
		if mounted {
			s.report.Data = dataDir
			// Nobody waits for it: the first seed may take seconds.
			b.spawn(func() { b.report("keys take longer to make", seedPool(kernelPool{}, dataDir)) })
			errs = append(errs, disk.Seed(siteDir, filepath.Join(dataDir, "config")))
		}
	}
	b.log.Info("the box has started from its disk", "slot", s.report.Slot, "standing", s.report.Standing, "trust", s.report.Trust(), bootlog.MilestoneKey, "slot")
	return s, errors.Join(append(errs, s.publish())...)
}

// judge says what the slot is to the record, and ends the trial of the other if the
// boot loader has given that up.
func (s *slot) judge() error {
	record, err := s.record.Record()
	this := s.report.Slot
	switch {
	case err != nil:
		// The boot loader does as it likes, and this is what it liked.
		s.report.Standing, s.report.Note = bootstate.Good, "the record of slots was unreadable and begins anew"
		return errors.Join(err, s.record.Settle(this))
	case record.OnTrial(this):
		s.report.Standing = bootstate.OnTrial
		return nil
	case record.Good != this:
		s.report.Standing = bootstate.Rescue
		s.report.Note = fmt.Sprintf("slot %s, which is the good one, does not start", record.Good)
		if record.Starts == bootstate.Rescued {
			s.report.Note = fmt.Sprintf("slot %s, which is the good one, was started %d times and did not live", record.Good, bootstate.MaxStarts)
		}
		return errors.New(s.report.Note)
	}
	s.report.Standing = bootstate.Good
	s.unproved = record.Starts != 0
	if record.Starts > 1 {
		s.log.Warn("the slot was started before and did not live", "slot", this, "times", min(record.Starts-1, bootstate.MaxStarts))
	}
	if record.Trial == bootstate.None {
		return nil
	}
	s.report.Note = fmt.Sprintf("slot %s was on trial, did not prove itself and is given up", record.Trial)
	return errors.Join(errors.New(s.report.Note), s.record.GiveUp())
}

// prove settles the slot, if it has anything to prove, when the router has been
// alive for long enough. It ends the box when that takes one on trial too long; the
// good one has all the time it needs. living says whether the router is alive at
// the moment.
func (s *slot) prove(ctx context.Context, living func(time.Time) bool, end func(ending)) {
	onTrial := s.report.Standing == bootstate.OnTrial
	if !onTrial && !s.unproved {
		return
	}
	begin := time.Now()
	since := begin // the router is alive
	tick := time.NewTicker(feedPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if !living(now) {
				since = now
			}
			if now.Sub(since) >= proof {
				s.settle()
				return
			}
			if onTrial && now.Sub(begin) >= trialLimit {
				end(ending{how: restart, why: fmt.Sprintf("slot %s has not proved itself within %v", s.report.Slot, trialLimit)})
				return
			}
		}
	}
}

// settle records that the slot lives, which makes one on trial the good one.
func (s *slot) settle() {
	err := s.record.Settle(s.report.Slot)
	if s.report.Standing != bootstate.OnTrial {
		if err != nil {
			s.log.Error("the slot lives, but this start counts as one that it has not survived", "slot", s.report.Slot, "err", err)
			return
		}
		s.log.Info("the slot lives", "slot", s.report.Slot)
		return
	}
	if err != nil {
		s.log.Error("the slot has proved itself, but the other will start again", "slot", s.report.Slot, "err", err)
		return
	}
	s.report.Standing = bootstate.Good
	s.log.Info("the slot has proved itself and is the good one", "slot", s.report.Slot, bootlog.MilestoneKey, "slot-good")
	if err := s.publish(); err != nil {
		s.log.Warn("who asks is told that the slot is still on trial", "err", err)
	}
}

// publish leaves the report for others.
func (s *slot) publish() error {
	data, err := json.Marshal(s.report)
	if err == nil {
		err = replaceFile(bootstate.ReportFile, data)
	}
	if err != nil {
		return fmt.Errorf("report on the slot: %w", err)
	}
	return nil
}

// replaceFile writes a file of the memory, whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
