package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"practice-cluster/advice"
	"practice-cluster/standins/metrics"
)

const loadUsage = `practice-cluster load: play requests to a Deployment, and see what an HPA makes of them

  practice-cluster load         show the load, the usage of the Pods and what the HPA says
  practice-cluster load 150     150 requests per second from now on, shared evenly by the ready Pods
  practice-cluster load off     none any more

Options:
  --namespace NAME    default: rag-engine
  --deployment NAME   default: rag-engine-api
  --data DIR          where the cluster keeps its state (default: your user data folder)

No request is really sent: the Pods report the usage that the load would cost them, 7m of CPU for each request per second on top of
what they need when idle, up to their limits. All the rest is real: the HPA controller, its policies, and its clock.
`

const (
	loadTimeout = 20 * time.Second
	// usageFollows is how long a new load may take to show in the metrics.
	usageFollows = 2 * time.Second
)

// loadCommand is the verb `load`.
func loadCommand(args []string) int {
	flags := pflag.NewFlagSet("load", pflag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, loadUsage) }
	namespace := flags.StringP("namespace", "n", "rag-engine", "")
	name := flags.String("deployment", "rag-engine-api", "")
	data := flags.String("data", "", "")
	words, options := splitRate(args)
	if err := flags.Parse(options); err != nil {
		if err == pflag.ErrHelp {
			return 0
		}
		fmt.Fprintf(os.Stderr, "practice-cluster load: %v\n", err)
		return 2
	}
	words = append(words, flags.Args()...)
	if len(words) > 1 {
		fmt.Fprintf(os.Stderr, "practice-cluster load takes one number of requests per second, or off, but got %q. "+
			"The Deployment is named with --deployment\n", words)
		return 2
	}
	target := types.NamespacedName{Namespace: *namespace, Name: *name}
	var rate *int64
	if len(words) == 1 {
		wanted, err := metrics.ParseRate(words[0])
		if err != nil {
			fmt.Fprintf(os.Stderr, "practice-cluster load: %v\n", err)
			return 2
		}
		rate = &wanted
	}
	if err := runLoad(*data, target, rate); err != nil {
		fmt.Fprintf(os.Stderr, "practice-cluster load: %v\n", err)
		return 1
	}
	return 0
}

// splitRate takes a negative number out of the arguments, which a parser of options would take for one.
func splitRate(args []string) (words, options []string) {
	for _, arg := range args {
		if rest, minus := strings.CutPrefix(arg, "-"); minus && rest != "" && strings.Trim(rest, "0123456789.") == "" {
			words = append(words, arg)
		} else {
			options = append(options, arg)
		}
	}
	return words, options
}

func runLoad(data string, target types.NamespacedName, rate *int64) error {
	cluster, err := open(data)
	if err != nil {
		return err
	}
	if alive := cluster.running(); len(alive) < len(order) {
		return fmt.Errorf("the practice cluster is not running. Start it with: %s", advice.Command("up"))
	}
	client, err := cluster.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	if rate != nil {
		if err := metrics.SetLoad(ctx, client, target, *rate); err != nil {
			return err
		}
	}
	view, err := metrics.NewView(ctx, client, target)
	if apierrors.IsNotFound(err) && rate != nil && *rate == 0 {
		fmt.Printf("There is no load on Deployment %s any more, and no such Deployment.\n", target)
		return nil
	}
	for until := time.Now().Add(usageFollows); err == nil && rate != nil && !view.Follows() && time.Now().Before(until); {
		time.Sleep(pollEvery)
		view, err = metrics.NewView(ctx, client, target)
	}
	if apierrors.IsNotFound(err) {
		return metrics.NoDeployment(target)
	}
	if err != nil {
		return err
	}
	fmt.Print(view.String())
	return nil
}
