package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// command is one line of the table of commands.
type command struct {
	// words spell it.
	words []string
	// args names what follows, such as FILE.
	args []string
	// option is the one option it takes, if any.
	option string
	help   string
	// place is where it makes sense.
	place place
	// whole says that it is not abbreviated.
	whole bool
	run   func(ctx context.Context, c *CLI, r request) error
}

// request is what came with a command.
type request struct {
	args   []string
	option bool
}

// place says where a command is offered.
type place int

const (
	anywhere    place = iota
	commandLine       // not within the console
	console           // within the console only
)

// commands returns the table. It is a function because help reads the table
// it is part of.
func commands() []command {
	return []command{
		{words: []string{"config", "check"}, args: []string{"FILE"}, help: "check a configuration file", run: configCheck},
		{words: []string{"config", "schema"}, help: "print the JSON Schema of such a file", run: configSchema},
		{words: []string{"console"}, help: "type commands at a prompt", place: commandLine, run: startConsole},
		{words: []string{"exit"}, help: "leave the console", place: console, run: exit},
		{words: []string{"factory-reset"}, option: "--yes", help: "erase the owner's data and start as if new", whole: true, run: factoryReset},
		{words: []string{"firewall", "add"}, args: []string{"GROUP", "ADDRESS"}, help: "put an address into a dynamic group", run: firewallAdd},
		{words: []string{"firewall", "check"}, args: []string{"FILE"}, help: "what a file's firewall would change here", run: firewallCheck},
		{words: []string{"firewall", "commit"}, args: []string{"FILE"}, help: "put a file's firewall in place", run: firewallCommit},
		{words: []string{"firewall", "list"}, args: []string{"GROUP"}, help: "the addresses in a dynamic group", run: firewallList},
		{words: []string{"firewall", "remove"}, args: []string{"GROUP", "ADDRESS"}, help: "take an address out of a dynamic group", run: firewallRemove},
		{words: []string{"help"}, help: "list the commands", run: help},
		{words: []string{"reboot"}, help: "restart the box in good order", run: reboot},
		{words: []string{"shell"}, help: "open the toolbox shell (ip, ping, dmesg ...)", place: console, whole: true, run: shell},
		{words: []string{"show", "cellular"}, option: "--json", help: "the modems, SIMs, networks and connections", run: showCellular},
		{words: []string{"show", "config"}, help: "the running configuration", run: showConfig},
		{words: []string{"show", "crypto"}, help: "the IKE and IPsec security associations", run: showCrypto},
		{words: []string{"show", "dmvpn"}, option: "--json", help: "the tunnels, their hubs and direct paths", run: showDMVPN},
		{words: []string{"show", "dmvpn", "detail"}, option: "--json", help: "the same with counters and IPsec", run: showDMVPNDetail},
		{words: []string{"show", "dmvpn", "path"}, args: []string{"ADDRESS"}, option: "--json", help: "which way traffic takes, and why", run: showDMVPNPath},
		{words: []string{"show", "firewall"}, option: "--json", help: "what each class of each policy has decided", run: showFirewall},
		{words: []string{"show", "firewall", "log"}, option: "--json", help: "the last packets that the firewall logged", run: showFirewallLog},
		{words: []string{"show", "metrics"}, help: "what a Prometheus server is shown", run: showMetrics},
		{words: []string{"show", "status"}, option: "--json", help: "the box, its uplinks, and how it started", run: showStatus},
		{words: []string{"show", "version"}, option: "--json", help: "what runs here, how far verified and closed", run: showVersion},
		{words: []string{"version"}, help: "the version of this program", run: version},
	}
}

func (c command) name() string { return strings.Join(c.words, " ") }

func (c command) arguments() int { return len(c.args) }

func (c command) synopsis() string {
	all := slices.Concat(c.words, c.args)
	if c.option != "" {
		all = append(all, "["+c.option+"]")
	}
	return strings.Join(all, " ")
}

// offered returns the commands that can be typed at this place.
func offered(interactive bool) []command {
	return slices.DeleteFunc(commands(), func(c command) bool {
		return c.place == console && !interactive || c.place == commandLine && interactive
	})
}

// resolve finds the command that typed abbreviates, and what follows it.
func resolve(typed []string, interactive bool) (cmd command, args []string, err error) {
	candidates := offered(interactive)
	for i, word := range typed {
		next := abbreviated(candidates, i, word)
		switch {
		case len(next) == 1:
			candidates = slices.DeleteFunc(candidates, func(c command) bool { return len(c.words) <= i || c.words[i] != next[0] })
		case len(next) > 1:
			return cmd, nil, fmt.Errorf("%q is short for %s", strings.Join(typed[:i+1], " "), enumerate(next, "or"))
		default:
			if complete(candidates, i) {
				return candidates[0], typed[i:], nil
			}
			return cmd, nil, fmt.Errorf("there is no command %q: %s", strings.Join(typed[:i+1], " "), expected(candidates, i))
		}
	}
	if complete(candidates, len(typed)) {
		return candidates[0], nil, nil
	}
	return cmd, nil, fmt.Errorf("%q is not complete: %s", strings.Join(typed, " "), expected(candidates, len(typed)))
}

// complete reports whether the candidates are one command of n words.
func complete(candidates []command, n int) bool {
	return len(candidates) > 0 && len(candidates[0].words) == n
}

// following returns the distinct words at position i that begin with word, or
// the word itself if there is that very word.
func following(candidates []command, i int, word string) []string {
	var words []string
	for _, c := range candidates {
		if len(c.words) > i && strings.HasPrefix(c.words[i], strings.ToLower(word)) {
			words = append(words, c.words[i])
		}
	}
	words = slices.Compact(words) // the table is sorted
	if slices.Contains(words, word) {
		return []string{word}
	}
	return words
}

// abbreviated is following without what must be typed in full, so that `sh` is
// show and not shell.
func abbreviated(candidates []command, i int, word string) []string {
	return following(slices.DeleteFunc(slices.Clone(candidates), func(c command) bool {
		return c.whole && len(c.words) > i && c.words[i] != word
	}), i, word)
}

func expected(candidates []command, i int) string {
	return "write " + strings.Join(slices.Concat(wordsOf(candidates, i-1), []string{enumerate(following(candidates, i, ""), "or")}), " ")
}

// wordsOf returns the words up to position i, which all candidates share.
func wordsOf(candidates []command, i int) []string {
	if i < 0 || len(candidates) == 0 {
		return nil
	}
	return candidates[0].words[:i+1]
}

// enumerate returns "a, b or c".
func enumerate(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}
