// Practice-cluster is a Kubernetes control plane to practise on, in one program: no container engine, no virtual machine.
//
// The API server, the controllers, the scheduler and etcd are the real ones; three nodes are played by kwok and their
// kubelets by ours, so Pods are scheduled, rolled out, probed, evicted and counted as anywhere, but no container really runs.
package main

import (
	"os"

	"k8s.io/component-base/version"
)

func main() {
	if len(os.Args) < 2 {
		printUsage(os.Stderr)
		os.Exit(2)
	}
	name, args := os.Args[1], os.Args[2:]
	if run, ok := components[name]; ok {
		release := holdLock()
		code := run(args)
		release()
		os.Exit(code)
	}
	os.Exit(command(name, args))
}

func command(name string, args []string) int {
	if name == "-h" || name == "--help" {
		name = "help"
	}
	if v, ok := findVerb(name); ok {
		return v.run(args)
	}
	return unknown(name)
}

// kubernetesVersion is the release that this program was built from, as `v1.37.2`.
func kubernetesVersion() string { return version.Get().GitVersion }
