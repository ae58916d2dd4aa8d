package at

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Failure is a no without a number, in the modem's words.
type Failure string

// The failures of V.250 that a modem gives to commands.
const (
	ErrError      Failure = "ERROR"
	ErrNoCarrier  Failure = "NO CARRIER"
	ErrBusy       Failure = "BUSY"
	ErrNoAnswer   Failure = "NO ANSWER"
	ErrNoDialtone Failure = "NO DIALTONE"
)

// Error says what the modem said.
func (f Failure) Error() string { return fmt.Sprintf("the modem says %q", string(f)) }

// CMS is an error of short messages, 3GPP TS 27.005, 3.2.5.
type CMS uint16

// Error has the number; short messages are none of ours.
func (e CMS) Error() string { return fmt.Sprintf("the modem says short message error %d", uint16(e)) }

// Prefixes of the results with a number or words.
const (
	cmePrefix = "+CME ERROR:"
	cmsPrefix = "+CMS ERROR:"
)

// failures are the results that say no. Those of three and more words are
// Huawei's for a command that it does not know or that has too many parameters.
var failures = map[string]Failure{
	"ERROR": ErrError, "NO CARRIER": ErrNoCarrier, "BUSY": ErrBusy, "NO ANSWER": ErrNoAnswer,
	"NO DIALTONE": ErrNoDialtone, "NO DIAL TONE": ErrNoDialtone,
	"COMMAND NOT SUPPORT": "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS": "TOO MANY PARAMETERS",
}

// Final reports whether line is the last one of an answer, and if it says no, how:
// a CME, a CMS or a Failure.
func Final(line string) (refusal error, final bool) {
	if line == "OK" || line == "CONNECT" || strings.HasPrefix(line, "CONNECT ") {
		return nil, true
	}
	if f, ok := failures[line]; ok {
		return f, true
	}
	if text, ok := strings.CutPrefix(line, cmePrefix); ok {
		text = strings.TrimSpace(text)
		if code, ok := cmeOf(text); ok {
			return code, true
		}
		return Failure(text), true
	}
	if text, ok := strings.CutPrefix(line, cmsPrefix); ok {
		text = strings.TrimSpace(text)
		if n, err := strconv.ParseUint(text, 10, 16); err == nil {
			return CMS(n), true
		}
		return Failure(text), true
	}
	return nil, false
}

// Result writes the line that Final reads, for the modem's side. An error that is
// none of this package's becomes ERROR.
func Result(refusal error) string {
	var (
		cme     CME
		cms     CMS
		failure Failure
	)
	switch {
	case refusal == nil:
		return "OK"
	case errors.As(refusal, &cme):
		return fmt.Sprintf("%s %d", cmePrefix, uint16(cme))
	case errors.As(refusal, &cms):
		return fmt.Sprintf("%s %d", cmsPrefix, uint16(cms))
	case errors.As(refusal, &failure):
		if _, bare := failures[string(failure)]; bare {
			return string(failure)
		}
		return cmePrefix + " " + string(failure)
	}
	return string(ErrError)
}

// Refused reports whether err is a modem's well-formed no.
func Refused(err error) bool {
	var (
		cme     CME
		cms     CMS
		failure Failure
	)
	return errors.As(err, &cme) || errors.As(err, &cms) || errors.As(err, &failure)
}
