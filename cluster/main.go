// Practice-cluster is a Kubernetes control plane to practise on, in one program: no container engine, no virtual machine.
//
// The API server, the controllers, the scheduler and etcd are the real ones; three nodes and their kubelets are played by kwok, so
// Pods are scheduled, rolled out, evicted and counted as anywhere, but no container really runs.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `practice-cluster: a Kubernetes control plane to practise on, without Docker

  practice-cluster up       start it, and wait until it is ready
  practice-cluster status   tell whether it runs, and where its kubeconfig is
  practice-cluster load     play requests to a Deployment, for an HPA to react to (see: practice-cluster load --help)
  practice-cluster down     stop it; what was created in it is kept
  practice-cluster down --delete   stop it and forget everything

Options, before or after the verb's own:
  --data DIR        where it keeps its state (default: your user data folder)
  --timeout 2m      how long up may take
  --volatile        up: never wait for the disk; for tests

The API server, controllers, scheduler and etcd are the real ones. The three nodes are played: Pods are scheduled and rolled out,
but no container runs, so there are no logs, no exec and no traffic.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	verb, args := os.Args[1], os.Args[2:]
	if run, ok := components[verb]; ok {
		release := holdLock()
		code := run(args)
		release()
		os.Exit(code)
	}
	os.Exit(command(verb, args))
}

func command(verb string, args []string) int {
	if verb == "load" {
		return loadCommand(args)
	}
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	data := flags.String("data", "", "")
	timeout := flags.Duration("timeout", 2*time.Minute, "")
	volatile := flags.Bool("volatile", false, "")
	forget := flags.Bool("delete", false, "")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "practice-cluster %s takes no %q. See: practice-cluster help\n", verb, flags.Arg(0))
		return 2
	}
	cluster, err := open(*data)
	if err == nil {
		switch verb {
		case "up":
			err = cluster.up(*timeout, *volatile)
		case "down":
			err = cluster.down(*forget)
		case "status":
			var running bool
			running, err = cluster.status()
			if err == nil && !running {
				return 1
			}
		case "help", "-h", "--help":
			fmt.Print(usage)
			return 0
		default:
			fmt.Fprintf(os.Stderr, "practice-cluster knows no %q. It knows up, status, load and down.\n", verb)
			return 2
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "practice-cluster %s: %v\n", verb, err)
		return 1
	}
	return 0
}
