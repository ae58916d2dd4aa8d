package qmi

import "fmt"

// CardState is whether there is a SIM.
type CardState uint8

// The states of a card.
const (
	CardAbsent  CardState = 0
	CardPresent CardState = 1
	CardError   CardState = 2
)

// PINState is what has become of a PIN.
type PINState uint8

// The states of a PIN.
const (
	PINNotInitialised     PINState = 0
	PINEnabledNotVerified PINState = 1
	PINEnabledVerified    PINState = 2
	PINDisabled           PINState = 3
	PINBlocked            PINState = 4
	PINBlockedForGood     PINState = 5
)

// AppType is the kind of an application on the card.
type AppType uint8

// The kinds of applications.
const (
	AppUnknown AppType = 0
	AppSIM     AppType = 1
	AppUSIM    AppType = 2
	AppRUIM    AppType = 3
	AppCSIM    AppType = 4
	AppISIM    AppType = 5
)

// AppState is how far an application is. Before AppPINNeeded nothing is known of
// PINs: a SIM that still starts looks locked.
type AppState uint8

// The states of an application.
const (
	AppStateUnknown         AppState = 0
	AppDetected             AppState = 1
	AppPINNeeded            AppState = 2
	AppPUKNeeded            AppState = 3
	AppCheckPersonalisation AppState = 4
	AppPINBlockedForGood    AppState = 5
	AppIllegal              AppState = 6
	AppReady                AppState = 7
)

var appStateNames = []string{"unknown", "starting", "needs the PIN", "needs the PUK", "checks whether it may be used in this modem", "blocked for good", "refused by the network", "ready"}

// String says in words how far the application is.
func (s AppState) String() string {
	if int(s) < len(appStateNames) {
		return appStateNames[s]
	}
	return fmt.Sprintf("application state %d", uint8(s))
}

// PINStatus is what a card says about one of its PINs.
type PINStatus struct {
	State PINState
	// Retries and UnblockRetries are how many attempts remain with the PIN and with
	// the PUK.
	Retries, UnblockRetries uint8
}

func walkPINStatus(c *cursor, v *PINStatus) {
	u8(c, &v.State)
	u8(c, &v.Retries)
	u8(c, &v.UnblockRetries)
}

// Application is an application of a card.
type Application struct {
	Type  AppType
	State AppState
	// PersonalisationState is 2 where the modem takes the card, 3 or 4 where its
	// lock to an operator needs a code, 5 where that is blocked for good.
	PersonalisationState, PersonalisationFeature          uint8
	PersonalisationRetries, PersonalisationUnblockRetries uint8
	// AID is the application's identifier.
	AID []byte
	// UniversalPIN: the card's universal PIN stands in for PIN1.
	UniversalPIN bool
	PIN1, PIN2   PINStatus
}

func walkApplication(c *cursor, v *Application) {
	u8(c, &v.Type)
	u8(c, &v.State)
	u8(c, &v.PersonalisationState)
	u8(c, &v.PersonalisationFeature)
	u8(c, &v.PersonalisationRetries)
	u8(c, &v.PersonalisationUnblockRetries)
	octets8(c, &v.AID)
	flag(c, &v.UniversalPIN)
	walkPINStatus(c, &v.PIN1)
	walkPINStatus(c, &v.PIN2)
}

// Card is the card in a slot.
type Card struct {
	State CardState
	// UniversalPIN is the PIN that the applications may share.
	UniversalPIN PINStatus
	// Error says what is wrong with the card where State is CardError.
	Error        CardErrorCode
	Applications []Application
}

func walkCard(c *cursor, v *Card) {
	u8(c, &v.State)
	walkPINStatus(c, &v.UniversalPIN)
	u8(c, &v.Error)
	list8(c, &v.Applications, walkApplication)
}

// CardErrorCode is what is wrong with a card.
type CardErrorCode uint8

var cardErrorWords = []string{"unknown", "powered down", "poll error", "no answer to reset", "voltage does not match", "parity error", "possibly removed", "technical problem"}

// String says what is wrong with the card.
func (e CardErrorCode) String() string {
	if int(e) < len(cardErrorWords) {
		return cardErrorWords[e]
	}
	return fmt.Sprintf("card error %d", uint8(e))
}

// NoApplication is the index of a provisioning session that has none.
const NoApplication AppIndex = 0xffff

// AppIndex is where an application is: the card's number in the high octet and
// the application's in the low one, each from 0.
type AppIndex uint16

// CardStatus is the state of all cards.
type CardStatus struct {
	// Primary and Secondary are the 3GPP applications in use, Primary1X and
	// Secondary1X those of CDMA.
	Primary, Primary1X, Secondary, Secondary1X AppIndex
	Cards                                      []Card
}

// PrimaryApplication returns the application that the modem registers with.
func (s CardStatus) PrimaryApplication() (Application, bool) {
	card, app := int(s.Primary>>8), int(s.Primary&0xff)
	if card >= len(s.Cards) || app >= len(s.Cards[card].Applications) {
		return Application{}, false
	}
	return s.Cards[card].Applications[app], true
}

func walkCardStatus(c *cursor, v *CardStatus) {
	u16(c, &v.Primary)
	u16(c, &v.Primary1X)
	u16(c, &v.Secondary)
	u16(c, &v.Secondary1X)
	list8(c, &v.Cards, walkCard)
}

// GetCardStatusRequest asks for the state of all cards.
type GetCardStatusRequest struct{ noFields }

// Kind returns UIM 0x002f request.
func (*GetCardStatusRequest) Kind() Kind { return Kind{UIM, 0x002f, Request} }

// GetCardStatusResponse has the state of all cards.
type GetCardStatusResponse struct {
	Result
	Status *CardStatus
}

// Kind returns UIM 0x002f response.
func (*GetCardStatusResponse) Kind() Kind { return Kind{UIM, 0x002f, Response} }

func (m *GetCardStatusResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "card status", &m.Status, walkCardStatus)
}

// CardStatusIndication tells the state of all cards when one changes.
type CardStatusIndication struct {
	Status *CardStatus
}

// Kind returns UIM 0x0032 indication.
func (*CardStatusIndication) Kind() Kind { return Kind{UIM, 0x0032, Indication} }

func (m *CardStatusIndication) walk(f *fields) {
	optional(f, 0x10, "card status", &m.Status, walkCardStatus)
}
