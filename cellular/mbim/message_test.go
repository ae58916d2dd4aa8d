package mbim

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const radioState = "a289cc33bcbb8b4fb6b0133ec2aae6df 03000000"

// messages are laid out by hand after MBIM 1.0, section 9.3 and 9.4.
var messages = []struct {
	name        string
	message     Message
	maxTransfer int
	frames      []string
}{
	{"OPEN", Message{Type: Open, Transaction: 1, MaxTransfer: 4096}, 4096, []string{"01000000 10000000 01000000 00100000"}},
	{"CLOSE", Message{Type: Close, Transaction: 2}, 64, []string{"02000000 0c000000 02000000"}},
	{"HOST_ERROR", Message{Type: HostError, Transaction: 3, Error: ErrorCancel}, 64, []string{"04000000 10000000 03000000 07000000"}},
	{"OPEN_DONE", Message{Type: OpenDone, Transaction: 1, Status: StatusBusy}, 64, []string{"01000080 10000000 01000000 01000000"}},
	{"CLOSE_DONE", Message{Type: CloseDone, Transaction: 2}, 64, []string{"02000080 10000000 02000000 00000000"}},
	{"FUNCTION_ERROR", Message{Type: FunctionError, Transaction: 3, Error: ErrorNotOpened}, 64, []string{"04000080 10000000 03000000 05000000"}},
	{"COMMAND", Message{Type: CommandMessage, Transaction: 4, Set: true, Command: CmdRadioState, Info: []byte{1, 0, 0, 0}}, 64,
		[]string{"03000000 34000000 04000000 01000000 00000000" + radioState + "01000000 04000000 01000000"}},
	{"COMMAND_DONE", Message{Type: CommandDone, Transaction: 4, Status: StatusFailure, Command: CmdRadioState}, 64,
		[]string{"03000080 30000000 04000000 01000000 00000000" + radioState + "02000000 00000000"}},
	{"INDICATE_STATUS in two", Message{Type: IndicateStatus, Command: CmdRadioState, Info: slices.Repeat([]byte{7}, 22)}, 64, []string{
		"07000080 40000000 00000000 02000000 00000000" + radioState + "16000000 07070707 07070707 07070707 07070707 07070707",
		"07000080 16000000 00000000 02000000 01000000 0707"}},
	{"COMMAND in three", Message{Type: CommandMessage, Transaction: 4, Command: CmdRadioState, Info: slices.Repeat([]byte{7}, 61)}, 64, []string{
		"03000000 40000000 04000000 03000000 00000000" + radioState + "00000000 3d000000 07070707 07070707 07070707 07070707",
		"03000000 40000000 04000000 03000000 01000000" + strings.Repeat("07", 44),
		"03000000 15000000 04000000 03000000 02000000 07"}},
}

func TestMessagesBothWays(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			frames, err := tt.message.Frames(tt.maxTransfer)
			if err != nil || len(frames) != len(tt.frames) {
				t.Fatalf("%d frames, %v", len(frames), err)
			}
			r := Reassembler{Limit: 1024}
			var got *Message
			for i, want := range tt.frames {
				if !slices.Equal(frames[i], octetsOf(t, want)) {
					t.Errorf("frame %d is\n% x, want\n%s", i, frames[i], want)
				}
				if got != nil {
					t.Error("the message was there before its last fragment")
				}
				if got, err = r.Add(octetsOf(t, want)); err != nil {
					t.Fatal(err)
				}
				if collecting := i < len(tt.frames)-1; r.Collecting() != collecting {
					t.Errorf("collecting after fragment %d: %v", i, r.Collecting())
				}
			}
			if got == nil || !reflect.DeepEqual(*got, tt.message) {
				t.Errorf("read %+v, want %+v", got, tt.message)
			}
		})
	}
}

// TestEveryTransferSize splits a long message for each size of control transfers.
func TestEveryTransferSize(t *testing.T) {
	m := Message{Type: CommandDone, Transaction: 9, Command: CmdDeviceServices, Info: slices.Repeat([]byte{1, 2, 3}, 200)}
	for maxTransfer := MinTransfer; maxTransfer < 700; maxTransfer++ {
		frames, err := m.Frames(maxTransfer)
		if err != nil {
			t.Fatal(err)
		}
		r := Reassembler{Limit: 1024}
		var got *Message
		for i, f := range frames {
			if len(f) > maxTransfer || i < len(frames)-1 && len(f) != maxTransfer {
				t.Fatalf("frame %d of %d has %d octets of %d", i, len(frames), len(f), maxTransfer)
			}
			if got, err = r.Add(f); err != nil {
				t.Fatal(err)
			}
		}
		if got == nil || !reflect.DeepEqual(*got, m) {
			t.Fatalf("by %d: %v", maxTransfer, got)
		}
	}
	if _, err := m.Frames(MinTransfer - 1); err == nil {
		t.Error("transfers of 63 octets were used")
	}
}

func TestReassemblerSaysWhatIsWrong(t *testing.T) {
	three := messages[len(messages)-1].frames
	for _, tt := range []struct {
		name   string
		frames []string
		want   ProtocolError
		words  string
	}{
		{"nothing", []string{""}, ErrorLengthMismatch, "a header needs 12 octets, 0 are there"},
		{"header cut", []string{"01000000 10000000 010000"}, ErrorLengthMismatch, "a header needs 12 octets, 11 are there"},
		{"length long", []string{"02000000 0d000000 02000000"}, ErrorLengthMismatch, "it says 13 octets, 12 are there"},
		{"length short", []string{"02000000 0b000000 02000000"}, ErrorLengthMismatch, "it says 11 octets, 12 are there"},
		{"another type", []string{"09000000 0c000000 02000000"}, ErrorUnknown, "there is no message type 0x00000009"},
		{"fragment header cut", []string{"03000000 13000000 04000000 01000000 000000"}, ErrorLengthMismatch, "a fragment needs more than 20 octets, 19 are there"},
		{"fragment empty", []string{"03000000 14000000 04000000 01000000 00000000"}, ErrorLengthMismatch, "a fragment needs more than 20 octets, 20 are there"},
		{"no fragments", []string{"03000000 15000000 04000000 00000000 00000000 00"}, ErrorFragmentOutOfSequence, "fragment 0 of 0"},
		{"fragment too far", []string{"03000000 15000000 04000000 01000000 01000000 00"}, ErrorFragmentOutOfSequence, "fragment 1 of 1"},
		{"OPEN cut", []string{"01000000 0c000000 01000000"}, ErrorLengthMismatch, "OPEN: at offset 0: 4 octets are needed where 0 are left"},
		{"OPEN long", []string{"01000000 14000000 01000000 00100000 00000000"}, ErrorLengthMismatch, "4 octets are too many"},
		{"COMMAND cut", []string{"03000000 2f000000 04000000 01000000 00000000" + radioState + "00000000 000000"}, ErrorLengthMismatch, "at offset 24: 4 octets are needed where 3 are left"},
		{"information long", []string{"03000000 31000000 04000000 01000000 00000000" + radioState + "00000000 00000000 00"}, ErrorLengthMismatch, "the information buffer has 0 octets, 1 are left"},
		{"information short", []string{"03000000 30000000 04000000 01000000 00000000" + radioState + "00000000 ffffffff"}, ErrorLengthMismatch, "the information buffer has 4294967295 octets, 0 are left"},
		{"the second first", three[1:2], ErrorFragmentOutOfSequence, "it starts with fragment 1"},
		{"one left out", []string{three[0], three[2]}, ErrorFragmentOutOfSequence, "fragment 2 of 3 of transaction 4 where 1 of 3 of transaction 4 is due"},
		{"one twice", []string{three[0], three[1], three[1]}, ErrorFragmentOutOfSequence, "fragment 1 of 3 of transaction 4 where 2 of 3"},
		{"other transaction", []string{three[0], strings.Replace(three[1], "04000000", "05000000", 1)}, ErrorFragmentOutOfSequence, "fragment 1 of 3 of transaction 5 where 1 of 3 of transaction 4 is due"},
		{"other total", []string{three[0], strings.Replace(three[1], "03000000 01000000", "04000000 01000000", 1)}, ErrorFragmentOutOfSequence, "fragment 1 of 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Reassembler{Limit: 1024}
			var err error
			for i, f := range tt.frames {
				if err != nil {
					t.Fatalf("frame %d: %v", i-1, err)
				}
				var m *Message
				if m, err = r.Add(octetsOf(t, f)); m != nil {
					t.Errorf("read %v", m)
				}
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%v, want %v and %q", err, tt.want, tt.words)
			}
			if r.Collecting() {
				t.Error("still collecting")
			}
		})
	}
}

// TestALostFragmentLosesOneMessage: what comes in the middle of another message is
// received.
func TestALostFragmentLosesOneMessage(t *testing.T) {
	two, three := messages[len(messages)-2].frames, messages[len(messages)-1].frames
	r := Reassembler{Limit: 1024}
	if _, err := r.Add(octetsOf(t, three[0])); err != nil {
		t.Fatal(err)
	}
	if m, err := r.Add(octetsOf(t, two[0])); m != nil || !errors.Is(err, ErrorFragmentOutOfSequence) || !r.Collecting() {
		t.Fatalf("%v, %v", m, err)
	}
	if m, err := r.Add(octetsOf(t, two[1])); m == nil || err != nil {
		t.Fatalf("%v, %v", m, err)
	}
	if _, err := r.Add(octetsOf(t, three[0])); err != nil {
		t.Fatal(err)
	}
	m, err := r.Add(octetsOf(t, messages[1].frames[0]))
	if m == nil || m.Type != Close || !errors.Is(err, ErrorFragmentOutOfSequence) || r.Collecting() {
		t.Errorf("%v, %v", m, err)
	}
}

func TestReassemblerKeepsToItsLimit(t *testing.T) {
	r := Reassembler{Limit: 60}
	three := messages[len(messages)-1].frames
	if _, err := r.Add(octetsOf(t, three[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(octetsOf(t, three[1])); !errors.Is(err, ErrorLengthMismatch) || r.Collecting() {
		t.Errorf("88 octets of 60: %v", err)
	}
}

func TestMessagesInWords(t *testing.T) {
	for want, m := range map[string]Message{
		"OPEN, transaction 1: up to 4096 octets": {Type: Open, Transaction: 1, MaxTransfer: 4096},
		"CLOSE, transaction 2":                   {Type: Close, Transaction: 2},
		"FUNCTION_ERROR, transaction 3: the modem is not open (MBIM protocol error 5)":                                   {Type: FunctionError, Transaction: 3, Error: ErrorNotOpened},
		"OPEN_DONE, transaction 1: success (MBIM status 0)":                                                              {Type: OpenDone, Transaction: 1},
		"COMMAND, transaction 4: PIN set, 4 octets":                                                                      {Type: CommandMessage, Transaction: 4, Set: true, Command: CmdPIN, Info: []byte("1234")},
		"COMMAND, transaction 4: BASIC_CONNECT command 99 query, 0 octets":                                               {Type: CommandMessage, Transaction: 4, Command: Command{BasicConnect, 99}},
		"COMMAND_DONE, transaction 4: PIN answer: the PIN is needed (MBIM status 5), 0 octets":                           {Type: CommandDone, Transaction: 4, Command: CmdPIN, Status: StatusPINRequired},
		"INDICATE_STATUS, transaction 0: command 1 of service 01000000-0000-0000-0000-000000000000 indication, 0 octets": {Type: IndicateStatus, Command: Command{UUID{1}, 1}},
		"message type 0x00000009, transaction 0":                                                                         {Type: 9},
	} {
		if got := m.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, got := range map[string]fmt.Stringer{
		"locked": ReadyStateDeviceLocked, "ready state 8": ReadyState(8), "denied": RegisterStateDenied, "register state 7": RegisterState(7),
		"attached": PacketServiceStateAttached, "packet service state 5": PacketServiceState(5), "deactivated": ActivationStateDeactivated,
		"activation state 5": ActivationState(5), "empty": UICCSlotStateEmpty, "slot state 9": UICCSlotState(9), "2.0": V2,
	} {
		if got.String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	m, err := V1.Set(1, &PINRequest{Type: PINTypePIN1, PIN: "4711"})
	if err != nil {
		t.Fatal(err)
	}
	held := []any{m, &m, PINRequest{PIN: "4711", New: "4711"}, Connect{Password: "4711"}, ReadBinary{LocalPIN: "4711"},
		LTEAttachConfiguration{Settings: []AttachSettings{{Password: "4711"}}}, ProvisionedContexts{Contexts: []ProvisionedContext{{Password: "4711"}}}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, secret := range held {
			if text := fmt.Sprintf(format, secret); strings.Contains(text, "4711") || strings.Contains(text, "0x34") || strings.Contains(text, "52 0 55") {
				t.Errorf("%s prints %s", format, text)
			}
		}
	}
}
