package mbimhost

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
)

// FuzzAnswers: whatever a modem answers to each question, every method comes to an
// end, and so does the conversation. The octets are cut into answers: a length, a
// status and that much information.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{8, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte{0, 16, 255, 2, 33})
	f.Fuzz(func(t *testing.T, octets []byte) {
		synctest.Test(t, func(t *testing.T) {
			modem := fakeModem(t, 4096)
			modem.native, modem.opened = mbim.V2, true
			for _, command := range []mbim.Command{
				mbim.CmdUICCApplicationList, mbim.CmdUICCFileStatus, mbim.CmdUICCReadBinary, mbim.CmdSysCaps, mbim.CmdDeviceSlotMappings, mbim.CmdSlotInfoStatus,
				mbim.CmdLTEAttachConfiguration, mbim.CmdBaseStationsInfo, mbim.CmdPacketStatistics, mbim.CmdQuectelRadioState, mbim.CmdQMIMessage,
			} {
				modem.refuses(command, mbim.Query, mbim.StatusFailure) // which lists it
			}
			var settled atomic.Bool
			modem.onMessage(func(q mbim.Message) bool {
				if !settled.Load() || q.Type != mbim.CommandMessage {
					return false
				}
				a := mbim.Message{Type: mbim.CommandDone, Transaction: q.Transaction, Command: q.Command}
				if len(octets) >= 2 {
					n := min(int(octets[0]), len(octets)-2)
					a.Status, a.Info = mbim.Status(octets[1]), octets[2:2+n]
					octets = octets[2+n:]
				}
				modem.send(a)
				return true
			})
			m, err := Open(t.Context(), modem.port, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			settled.Store(true)
			begun := time.Now()
			everyMethod(t.Context(), m)
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 15*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	})
}
