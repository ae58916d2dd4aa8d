package mbim

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// facts reads the table of names and numbers that libmbim publishes.
func facts(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/libmbim-1.28.2.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := make(map[string]string)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && line[0] != '#' {
			name, value, _ := strings.Cut(line, " ")
			table[name] = value
		}
	}
	if len(table) < 390 {
		t.Fatalf("only %d facts", len(table))
	}
	return table
}

// enumerations are our types by libmbim's prefix of their values.
var enumerations = map[string]string{
	"Status": "STATUS_ERROR", "ProtocolError": "PROTOCOL_ERROR", "Type": "MESSAGE_TYPE",
	"DeviceType": "DEVICE_TYPE", "CellularClass": "CELLULAR_CLASS", "VoiceClass": "VOICE_CLASS", "SIMClass": "SIM_CLASS",
	"DataClass": "DATA_CLASS", "SMSCaps": "SMS_CAPS", "CtrlCaps": "CTRL_CAPS",
	"ReadyState": "SUBSCRIBER_READY_STATE", "ReadyInfoFlag": "READY_INFO_FLAG",
	"PINType": "PIN_TYPE", "PINState": "PIN_STATE", "PINOperation": "PIN_OPERATION", "PINMode": "PIN_MODE", "PINFormat": "PIN_FORMAT",
	"ProviderState": "PROVIDER_STATE", "VisibleProvidersAction": "VISIBLE_PROVIDERS_ACTION",
	"RegisterAction": "REGISTER_ACTION", "RegisterState": "REGISTER_STATE", "RegisterMode": "REGISTER_MODE",
	"RegistrationFlag": "REGISTRATION_FLAG", "PacketServiceAction": "PACKET_SERVICE_ACTION",
	"PacketServiceState": "PACKET_SERVICE_STATE", "FrequencyRange": "FREQUENCY_RANGE",
	"ActivationCommand": "ACTIVATION_COMMAND", "Compression": "COMPRESSION", "AuthProtocol": "AUTH_PROTOCOL",
	"ContextIPType": "CONTEXT_IP_TYPE", "ActivationState": "ACTIVATION_STATE", "VoiceCallState": "VOICE_CALL_STATE",
	"IPConfigurationAvailableFlag": "IP_CONFIGURATION_AVAILABLE_FLAG",
	"ContextState":                 "CONTEXT_STATE", "ContextRoamingControl": "CONTEXT_ROAMING_CONTROL", "ContextMediaType": "CONTEXT_MEDIA_TYPE",
	"ContextSource": "CONTEXT_SOURCE", "ContextOperation": "CONTEXT_OPERATION",
	"LTEAttachContextRoamingControl": "LTE_ATTACH_CONTEXT_ROAMING_CONTROL",
	"LTEAttachContextOperation":      "LTE_ATTACH_CONTEXT_OPERATION", "LTEAttachState": "LTE_ATTACH_STATE", "PCOType": "PCO_TYPE",
	"QuectelRadioSwitchState": "QUECTEL_RADIO_SWITCH_STATE", "UICCSlotState": "UICC_SLOT_STATE", "UICCApplicationType": "UICC_APPLICATION_TYPE",
	"UICCFileAccessibility": "UICC_FILE_ACCESSIBILITY", "UICCFileType": "UICC_FILE_TYPE", "UICCFileStructure": "UICC_FILE_STRUCTURE",
}

// ours are the types whose constants are not libmbim's.
var ours = map[string]string{
	"Class": "libmbim has no such type", "classes": "not on the wire", "Version": "libmbim has no such type",
	"RSSI": "one value", "RSRP": "one value", "SNR": "one value",
}

// otherwiseNamed are the constants that have another name than libmbim's.
var otherwiseNamed = map[string]string{
	"StatusOK": "MBIM_STATUS_ERROR_NONE", "UICCSlotStateOffEmpty": "MBIM_UICC_SLOT_SATE_OFF_EMPTY",
	"CommandMessage": "MBIM_MESSAGE_TYPE_COMMAND",
}

// leftOut are values of libmbim's that never are on the wire.
var leftOut = map[string]bool{"MBIM_MESSAGE_TYPE_INVALID": true, "MBIM_PROTOCOL_ERROR_INVALID": true}

// published returns libmbim's name of a constant of type typ, "" if it has none.
func published(table map[string]string, typ, name string) string {
	if other, ok := otherwiseNamed[name]; ok {
		return other
	}
	bare := strings.TrimPrefix(name, typ)
	if typ == "ProtocolError" {
		bare = strings.TrimPrefix(name, "Error")
	}
	prefix := "MBIM_" + enumerations[typ] + "_"
	for theirs := range table {
		if rest, ok := strings.CutPrefix(theirs, prefix); ok && strings.EqualFold(strings.ReplaceAll(rest, "_", ""), bare) {
			return theirs
		}
	}
	return ""
}

// TestEnumerationsAreAsPublished compares every constant of this package's types
// with libmbim's table, and the table with them.
func TestEnumerationsAreAsPublished(t *testing.T) {
	table := facts(t)
	met := make(map[string]bool)
	for _, c := range constants(t) {
		named, ok := c.Type().(*types.Named)
		if !ok {
			continue
		}
		typ := named.Obj().Name()
		if _, known := enumerations[typ]; !known {
			if _, known := ours[typ]; !known {
				t.Errorf("%s: type %s is compared with nothing", c.Name(), typ)
			}
			continue
		}
		theirs := published(table, typ, c.Name())
		value, _ := constant.Uint64Val(constant.ToInt(c.Val()))
		if want, ok := table[theirs]; !ok || want != fmt.Sprint(value) {
			t.Errorf("%s is %d, libmbim's %q is %q", c.Name(), value, theirs, want)
		}
		met[theirs] = true
	}
	for _, prefix := range enumerations {
		for theirs := range table {
			if strings.HasPrefix(theirs, "MBIM_"+prefix+"_") && !met[theirs] && !leftOut[theirs] && prefixOf(theirs) == prefix {
				t.Errorf("%s is missing", theirs)
			}
		}
	}
}

// prefixOf returns the longest prefix of an enumeration that name has.
func prefixOf(name string) string {
	longest := ""
	for _, prefix := range enumerations {
		if strings.HasPrefix(name, "MBIM_"+prefix+"_") && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return longest
}

// constants returns the constants that this package declares.
func constants(t *testing.T) []*types.Const {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: nothing{}, Error: func(error) {}, IgnoreFuncBodies: true}
	checked, _ := config.Check("mbim", set, files, nil)
	var all []*types.Const
	for _, name := range checked.Scope().Names() {
		if c, ok := checked.Scope().Lookup(name).(*types.Const); ok {
			all = append(all, c)
		}
	}
	if len(all) < 250 {
		t.Fatalf("only %d constants were found", len(all))
	}
	return all
}

// nothing imports no package: what is imported has no part in a constant.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// TestCommandsAreAsPublished compares services, commands and types of contexts.
func TestCommandsAreAsPublished(t *testing.T) {
	table := facts(t)
	for service, name := range serviceNames {
		if want := table["UUID_"+name]; want != fmt.Sprintf("%x", service[:]) {
			t.Errorf("%s is %v, want %s", name, service, want)
		}
	}
	for name, context := range map[string]UUID{"INTERNET": ContextTypeInternet, "NONE": ContextTypeNone} {
		if want := table["UUID_CONTEXT_TYPE_"+name]; want != fmt.Sprintf("%x", context[:]) {
			t.Errorf("context type %s is %v, want %s", name, context, want)
		}
	}
	for command, name := range commandNames {
		theirs := "MBIM_CID_" + serviceNames[command.Service] + "_" + name
		if want := table[theirs]; want != fmt.Sprint(command.CID) {
			t.Errorf("%v is %d, %s is %q", command, command.CID, theirs, want)
		}
	}
	for k := range bodies() {
		if _, named := commandNames[k.Command]; !named {
			t.Errorf("%v has no name", k)
		}
	}
	for command := range silent {
		if _, named := commandNames[command]; !named {
			t.Errorf("%v has no name", command)
		}
	}
}

// TestWordsForEachStatus demands words for all that a modem may answer.
func TestWordsForEachStatus(t *testing.T) {
	for name, value := range facts(t) {
		var got string
		var n uint32
		fmt.Sscan(value, &n)
		switch {
		case leftOut[name]:
			continue
		case strings.HasPrefix(name, "MBIM_STATUS_ERROR_"):
			got = Status(n).Error()
		case strings.HasPrefix(name, "MBIM_PROTOCOL_ERROR_"):
			got = ProtocolError(n).Error()
		default:
			continue
		}
		if strings.HasPrefix(got, "MBIM") {
			t.Errorf("%s has no words: %s", name, got)
		}
	}
}
