package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"practice-cluster/advice"
	"practice-cluster/standins/kubelet"
)

const imagesUsage = `practice-cluster images                       the images that Pods can use
practice-cluster images NAME                  those of the repositories with NAME in their name
practice-cluster images add REPOSITORY:TAG    put another image on the list

Containers are played, and no image is pulled: one on this list counts as pulled, any other as not found. An image that you add is
played as a server that starts at once and answers on every port, or as the listed repository of the same name.`

// images prints the list of images, or adds to it. A running cluster notices at the next pull.
func images(dir string, args []string) error {
	cluster, err := open(dir)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return printImages(cluster.dir, "")
	case args[0] == "help":
		fmt.Println(imagesUsage)
		return nil
	case args[0] == "add" && len(args) == 1:
		return errors.New("add which image? For example: " + advice.Command("images add ghcr.io/acme/app:v1.2.3"))
	case args[0] == "add":
		for _, image := range args[1:] {
			added, err := kubelet.Add(cluster.dir, image)
			if err != nil {
				return err
			}
			if added {
				fmt.Printf("%s is on the list now.\n", image)
			} else {
				fmt.Printf("%s is on the list already.\n", image)
			}
		}
		return nil
	case len(args) == 1:
		return printImages(cluster.dir, args[0])
	}
	return fmt.Errorf("images takes a name, or add and the images to add\n\n%s", imagesUsage)
}

func printImages(dir, name string) error {
	catalogue, err := kubelet.LoadCatalogue(dir)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REPOSITORY\tTAGS")
	matching := 0
	for _, repository := range catalogue.Repositories {
		if strings.Contains(repository.Name, name) {
			fmt.Fprintf(table, "%s\t%s\n", repository.Name, strings.Join(repository.Tags, " "))
			matching++
		}
	}
	if matching == 0 {
		return fmt.Errorf("no repository on the list has %q in its name. Add one with: %s",
			name, advice.Command("images add REPOSITORY:TAG"))
	}
	return table.Flush()
}
