// Package standins plays what a practice cluster does not really have: kubelets with containers, a disk provisioner, an ingress
// controller, Velero, a metrics server. Each part watches the API as the real one would, and writes what the real one would report.
package standins

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// World is what every part shares: clients of one cluster, one set of caches, and the folder with the cluster's state.
type World struct {
	Client    kubernetes.Interface
	Dynamic   dynamic.Interface
	Informers informers.SharedInformerFactory
	Dir       string
}

// Part is one stand-in. Prepare registers the caches that it reads, before they are filled; Run works until ctx ends.
type Part interface {
	Name() string
	Prepare(world *World) error
	Run(ctx context.Context) error
}

const (
	// No list is repeated on a timer: a watch that breaks lists anew by itself.
	resync  = 0 * time.Second
	restart = time.Second
)

// Run plays all parts until ctx ends. A part that fails is started again: a learner's cluster should not lose its kubelets to one error.
func Run(ctx context.Context, config *rest.Config, dir string, parts ...Part) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	custom, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	world := &World{Client: client, Dynamic: custom, Informers: informers.NewSharedInformerFactory(client, resync), Dir: dir}
	for _, part := range parts {
		if err := part.Prepare(world); err != nil {
			return fmt.Errorf("%s: %w", part.Name(), err)
		}
	}
	world.Informers.Start(ctx.Done())
	world.Informers.WaitForCacheSync(ctx.Done())
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() { keep(ctx, part) })
	}
	<-ctx.Done()
	running.Wait()
	return nil
}

func keep(ctx context.Context, part Part) {
	for ctx.Err() == nil {
		if err := part.Run(ctx); err != nil && ctx.Err() == nil {
			slog.Error("started again", "part", part.Name(), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(restart):
		}
	}
}
