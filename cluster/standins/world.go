// Package standins plays what a practice cluster does not really have: kubelets with containers, a disk provisioner, an ingress
// controller, Velero, a metrics server. Each part watches the API as the real one would, and writes what the real one would report.
package standins

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
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

// NewQueue makes the queue of a part: what fails is tried again, ever more slowly up to once a minute.
func NewQueue[T comparable]() workqueue.TypedRateLimitingInterface[T] {
	return workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[T](100*time.Millisecond, time.Minute))
}

// Work takes one item after the other from a queue until ctx ends. What sync cannot do now is tried again; where it says after how
// long to look again, that is done.
func Work[T comparable](
	ctx context.Context, part string, queue workqueue.TypedRateLimitingInterface[T], sync func(context.Context, T) (time.Duration, error),
) error {
	go func() {
		<-ctx.Done()
		queue.ShutDown()
	}()
	for {
		key, stopped := queue.Get()
		if stopped {
			return nil
		}
		again, err := sync(ctx, key)
		switch {
		case err != nil:
			if !apierrors.IsConflict(err) {
				slog.Warn("tried again", "part", part, "object", key, "error", err)
			}
			queue.AddRateLimited(key)
		case again > 0:
			queue.Forget(key)
			queue.AddAfter(key, again)
		default:
			queue.Forget(key)
		}
		queue.Done(key)
	}
}

// Unhurried is a sync that never asks to look again.
func Unhurried[T any](sync func(context.Context, T) error) func(context.Context, T) (time.Duration, error) {
	return func(ctx context.Context, key T) (time.Duration, error) { return 0, sync(ctx, key) }
}
