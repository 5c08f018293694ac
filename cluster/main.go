// Practice-cluster is a real Kubernetes control plane in one program.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		if run, ok := components[os.Args[1]]; ok {
			os.Exit(run(os.Args[2:]))
		}
	}
	fmt.Println("usage")
}
