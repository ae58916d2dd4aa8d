package qmi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// cardStatusTLV is a card with a USIM that waits for its PIN, three attempts left.
const cardStatusTLV = " 10 2400 0000 ffff ffff ffff 01  01 00 00 00 00 01  02 02 00 01 03 0a 07 a0000000871002 00 01 03 0a 01 03 0a"

var cardStatus = &CardStatus{Primary: 0, Primary1X: NoApplication, Secondary: NoApplication, Secondary1X: NoApplication, Cards: []Card{{
	State: CardPresent,
	Applications: []Application{{
		Type: AppUSIM, State: AppPINNeeded,
		PersonalisationFeature: 1, PersonalisationRetries: 3, PersonalisationUnblockRetries: 10,
		AID:  []byte{0xa0, 0, 0, 0, 0x87, 0x10, 2},
		PIN1: PINStatus{PINEnabledNotVerified, 3, 10}, PIN2: PINStatus{PINEnabledNotVerified, 3, 10},
	}},
}}}

// slotsTLV is a slot in use and an empty one.
const slotsTLV = " 10 1f00 02  02000000 01000000 01 0a 98940000000000000021  01000000 00000000 00 00"

var slots = &[]Slot{
	{Card: SlotFilled, Active: 1, Logical: 1, ICCID: []byte{0x98, 0x94, 0, 0, 0, 0, 0, 0, 0, 0x21}},
	{Card: SlotEmpty},
}

// uimVectors follow libqmi's qmi-service-uim.json.
var uimVectors = []vector{
	{"", "01 1300 00 0b 02  00 0100 2e00 0700  01 0400 11000000", 2, 1, &RegisterCardEventsRequest{Events: CardStatusEvents | PhysicalSlotEvents}},
	{"", "01 1a00 80 0b 02  02 0100 2e00 0e00  02 0400 0000 0000  10 0400 01000000", 2, 1, &RegisterCardEventsResponse{Events: new(CardStatusEvents)}},
	{"", "01 0c00 00 0b 02  00 0200 2f00 0000", 2, 2, &GetCardStatusRequest{}},
	{"locked", "01 3a00 80 0b 02  02 0200 2f00 2e00  02 0400 0000 0000" + cardStatusTLV, 2, 2, &GetCardStatusResponse{Status: cardStatus}},
	{"locked", "01 3300 80 0b 02  04 0000 3200 2700" + cardStatusTLV, 2, 0, &CardStatusIndication{Status: cardStatus}},
	{"PIN1", "01 1a00 00 0b 02  00 0300 2600 0e00  01 0200 00 00  02 0600 01 04 31323334", 2, 3, &VerifyPINRequest{PIN: PINInfo{PIN1, "1234"}}},
	{"wrong", "01 1d00 80 0b 02  02 0300 2600 1100  02 0400 0100 0c00  10 0200 02 0a  13 0200 63 c2", 2, 3,
		&VerifyPINResponse{Result: Result{ErrIncorrectPIN}, Retries: &Retries{2, 10}, CardResult: &CardResult{0x63, 0xc2}}},
	{"IMSI", "01 2200 00 0b 02  00 0400 2000 1600  01 0200 00 00  02 0700 076f 04 003fff7f  03 0400 0000 0000", 2, 4, &ReadTransparentRequest{File: FileIMSI}},
	{"ICCID", "01 2000 00 0b 02  00 0500 2000 1400  01 0200 06 00  02 0500 e22f 02 003f  03 0400 0000 0a00", 2, 5,
		&ReadTransparentRequest{Session: Session{Type: SessionCardSlot1}, File: FileICCID, Extent: Extent{Length: 10}}},
	{"IMSI", "01 2600 80 0b 02  02 0400 2000 1a00  02 0400 0000 0000  10 0200 90 00  11 0b00 0900 082926101032547698", 2, 4,
		&ReadTransparentResponse{CardResult: &CardResult{0x90, 0}, Data: &[]byte{0x08, 0x29, 0x26, 0x10, 0x10, 0x32, 0x54, 0x76, 0x98}}},
	{"activate", "01 1a00 00 0b 02  00 0600 3800 0e00  01 0200 00 01  10 0600 01 04 a0000000", 2, 6,
		&ChangeProvisioningSessionRequest{Change: ProvisioningChange{SessionPrimary, true}, Application: &SlotApplication{1, []byte{0xa0, 0, 0, 0}}}},
	{"", "01 1300 80 0b 02  02 0600 3800 0700  02 0400 0000 0000", 2, 6, &ChangeProvisioningSessionResponse{}},
	{"", "01 0c00 00 0b 02  00 0700 4700 0000", 2, 7, &GetSlotStatusRequest{}},
	{"two", "01 3500 80 0b 02  02 0700 4700 2900  02 0400 0000 0000" + slotsTLV, 2, 7, &GetSlotStatusResponse{Slots: slots}},
	{"two", "01 2e00 80 0b 02  04 0000 4800 2200" + slotsTLV, 2, 0, &SlotStatusIndication{Slots: slots}},
	{"to the second", "01 1700 00 0b 02  00 0800 4600 0b00  01 0100 01  02 0400 02000000", 2, 8, &SwitchSlotRequest{Logical: 1, Physical: 2}},
	{"already", "01 1300 80 0b 02  02 0800 4600 0700  02 0400 0100 1a00", 2, 8, &SwitchSlotResponse{Result{ErrNoEffect}}},
}

func TestPrimaryApplication(t *testing.T) {
	if app, ok := cardStatus.PrimaryApplication(); !ok || app.State != AppPINNeeded {
		t.Errorf("%+v, %v", app, ok)
	}
	for _, none := range []CardStatus{{Primary: NoApplication, Cards: cardStatus.Cards}, {Primary: 1, Cards: cardStatus.Cards}, {}} {
		if app, ok := none.PrimaryApplication(); ok {
			t.Errorf("index 0x%04x of %d cards is %+v", uint16(none.Primary), len(none.Cards), app)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, body := range []any{
		PIN("s3cr3t"), Password("s3cr3t"), new(PIN("s3cr3t")), new(Password("s3cr3t")),
		VerifyPINRequest{PIN: PINInfo{PIN1, "s3cr3t"}}, &VerifyPINRequest{PIN: PINInfo{PIN1, "s3cr3t"}},
		StartNetworkRequest{Password: new(Password("s3cr3t"))}, &ModifyProfileRequest{Profile: Profile{Password: new(Password("s3cr3t"))}},
	} {
		marshalled, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprint(body), fmt.Sprintf("%+v %#v %s %q %x", body, body, body, body, body), string(marshalled)} {
			if strings.Contains(text, "s3cr3t") || strings.Contains(text, "733363723374") {
				t.Errorf("the value shows in %q", text)
			}
		}
	}
}
