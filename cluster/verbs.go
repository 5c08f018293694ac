package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// verb is what a learner types first: `practice-cluster up`.
type verb struct {
	name    string
	group   string
	summary string
	run     func(args []string) int
}

// verbs are listed by help in this order, under their groups.
func verbs() []verb {
	return []verb{
		{"up", "The cluster", "start it, and wait until it is ready", runUp},
		{"status", "The cluster", "tell whether it runs, and where its kubeconfig is", runStatus},
		{"down", "The cluster", "stop it; what was created in it is kept, unless --delete is given", runDown},
		{"load", "In it", "play requests to a Deployment, for an HPA to react to", loadCommand},
		{"images", "In it", "list the images that Pods can use, or add one to them", runImages},
		{"help", "About", "this text, or the options of a verb: practice-cluster help up", runHelp},
		{"version", "About", "the version of Kubernetes in this program", runVersion},
	}
}

func findVerb(name string) (verb, bool) {
	all := verbs()
	at := slices.IndexFunc(all, func(v verb) bool { return v.name == name })
	if at < 0 {
		return verb{}, false
	}
	return all[at], true
}

// options are the flags of one verb. All verbs that work on a cluster have --data.
type options struct {
	*flag.FlagSet
	data *string
}

func newOptions(verb string) options {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // parse prints what is wrong, in one line
	return options{flags, flags.String("data", "", "`folder` with the cluster's state (default: in your user data folder)")}
}

// parse reads the flags and allows no other words. When it returns false, the verb ends with that exit status.
func (o options) parse(args []string) (int, bool) {
	words, code, ok := o.parseWords(args)
	if ok && len(words) > 0 {
		fmt.Fprintf(os.Stderr, "practice-cluster %s takes no %q. Its options: practice-cluster help %s\n", o.Name(), words[0], o.Name())
		return 2, false
	}
	return code, ok
}

// parseWords reads the flags wherever they stand, and returns the other words.
func (o options) parseWords(args []string) (words []string, code int, ok bool) {
	for {
		err := o.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			o.describe(os.Stdout)
			return nil, 0, false
		case err != nil:
			problem := strings.Replace(err.Error(), "flag provided but not defined: -", "there is no option --", 1)
			fmt.Fprintf(os.Stderr, "practice-cluster %s: %s. Its options: practice-cluster help %s\n", o.Name(), problem, o.Name())
			return nil, 2, false
		case o.NArg() == 0:
			return words, 0, true
		}
		words, args = append(words, o.Arg(0)), o.Args()[1:]
	}
}

func (o options) describe(to io.Writer) {
	if v, ok := findVerb(o.Name()); ok {
		fmt.Fprintf(to, "practice-cluster %s: %s\n\n", v.name, v.summary)
	}
	o.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(to, "  %-22s %s\n", strings.TrimSpace("--"+f.Name+" "+kind), usage)
	})
}

// report ends a verb: the error, if any, on standard error, and the exit status.
func report(verb string, err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "practice-cluster %s: %v\n", verb, err)
		return 1
	}
	return 0
}

type upOptions struct {
	options
	start launchOptions
}

func newUpOptions() *upOptions {
	o := &upOptions{options: newOptions("up")}
	o.DurationVar(&o.start.timeout, "timeout", 2*time.Minute, "how `long` it may take, as 90s or 5m (default: 2m)")
	o.IntVar(&o.start.port, "port", 0, "the API server's `port` on 127.0.0.1 (default: that of the last time, or a free one)")
	o.BoolVar(&o.start.merge, "merge", false, "add the cluster to your own kubeconfig too, and make it the current context")
	o.StringVar(&o.start.context, "context-name", "", "`name` of its context, cluster and user in kubeconfigs (default: practice)")
	o.BoolVar(&o.start.volatile, "volatile", false, "never wait for the disk; for tests: what was created can be lost with the power")
	return o
}

func runUp(args []string) int {
	o := newUpOptions()
	if code, ok := o.parse(args); !ok {
		return code
	}
	cluster, err := open(*o.data)
	if err == nil {
		err = cluster.up(o.start)
	}
	return report("up", err)
}

type downOptions struct {
	options
	forget bool
}

func newDownOptions() *downOptions {
	o := &downOptions{options: newOptions("down")}
	o.BoolVar(&o.forget, "delete", false, "forget everything: what was created, and what up --merge added to your kubeconfig")
	return o
}

func runDown(args []string) int {
	o := newDownOptions()
	if code, ok := o.parse(args); !ok {
		return code
	}
	cluster, err := open(*o.data)
	if err == nil {
		err = cluster.down(o.forget)
	}
	return report("down", err)
}

type statusOptions struct {
	options
	json bool
}

func newStatusOptions() *statusOptions {
	o := &statusOptions{options: newOptions("status")}
	o.BoolVar(&o.json, "json", false, "for programs: running, ready, version, kubeconfig, context, data, components and nodes")
	return o
}

func runStatus(args []string) int {
	o := newStatusOptions()
	if code, ok := o.parse(args); !ok {
		return code
	}
	cluster, err := open(*o.data)
	if err != nil {
		return report("status", err)
	}
	state := cluster.state()
	if o.json {
		err = state.printJSON(os.Stdout)
	} else {
		state.print(os.Stdout)
	}
	if code := report("status", err); code != 0 || state.Ready {
		return code
	}
	return 1
}

func runImages(args []string) int {
	o := newOptions("images")
	words, code, ok := o.parseWords(args)
	if !ok {
		return code
	}
	return report("images", images(*o.data, words))
}

func runVersion(args []string) int {
	if code, ok := newOptions("version").parse(args); !ok {
		return code
	}
	fmt.Println("Kubernetes", kubernetesVersion())
	return 0
}

func runHelp(args []string) int {
	if len(args) == 0 {
		printUsage(os.Stdout)
		return 0
	}
	v, ok := findVerb(args[0])
	if !ok {
		return unknown(args[0])
	}
	if v.name == "help" {
		printUsage(os.Stdout)
		return 0
	}
	return v.run([]string{"--help"})
}

func printUsage(to io.Writer) {
	fmt.Fprintf(to, "practice-cluster: a Kubernetes %s control plane to practise on, without Docker\n", kubernetesVersion())
	group := ""
	for _, v := range verbs() {
		if v.group != group {
			group = v.group
			fmt.Fprintf(to, "\n%s\n", group)
		}
		fmt.Fprintf(to, "  practice-cluster %-8s  %s\n", v.name, v.summary)
	}
	for _, o := range []options{newUpOptions().options, newStatusOptions().options, newDownOptions().options} {
		fmt.Fprintf(to, "\nOptions of %s\n", o.Name())
		o.VisitAll(func(f *flag.Flag) {
			kind, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(to, "  %-22s %s\n", strings.TrimSpace("--"+f.Name+" "+kind), usage)
		})
	}
	fmt.Fprint(to, `
The API server, the controllers, the scheduler and etcd are the real ones. The nodes and the containers on them are played: Pods are
scheduled, rolled out, evicted and counted as anywhere, but no container really runs: there is nothing to run a command in
or to forward a port to, and memory runs out only where a command says how much it takes (stress --vm-bytes 250M). For a second
cluster, give every verb another --data.
`)
}

// unknown answers a word that is no verb, with the one that was probably meant.
func unknown(word string) int {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	hint := "It knows " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + "."
	if near, ok := nearest(word, names); ok {
		hint = "Did you mean " + near + "?"
	}
	fmt.Fprintf(os.Stderr, "practice-cluster knows no %q. %s See: practice-cluster help\n", word, hint)
	return 2
}

// nearest is the known word with the fewest typing mistakes between it and word; more than two are another word.
func nearest(word string, known []string) (string, bool) {
	best, fewest := "", 3
	for _, candidate := range known {
		if mistakes := distance(strings.ToLower(word), candidate); mistakes < min(fewest, len(candidate)) {
			best, fewest = candidate, mistakes
		}
	}
	return best, best != ""
}

// distance counts the letters to add, drop or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
