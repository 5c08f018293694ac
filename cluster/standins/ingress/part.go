package ingress

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"practice-cluster/standins"
)

// Part gives an address to every Ingress of a class of ours.
type Part struct {
	world     *standins.World
	ingresses networkinglisters.IngressLister
	classes   networkinglisters.IngressClassLister
	queue     workqueue.TypedRateLimitingInterface[cache.ObjectName]
	events    record.EventRecorder
	// seen are the generations that an event has told of.
	seen map[string]int64
}

// New is the stand-in for an ingress controller.
func New() *Part { return &Part{seen: map[string]int64{}} }

// Name is that of the part in logs.
func (p *Part) Name() string { return "ingress" }

// Prepare registers the caches.
func (p *Part) Prepare(world *standins.World) error {
	p.world = world
	p.queue = standins.NewQueue[cache.ObjectName]()
	networking := world.Informers.Networking().V1()
	p.ingresses, p.classes = networking.Ingresses().Lister(), networking.IngressClasses().Lister()
	if _, err := networking.Ingresses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    p.enqueue,
		UpdateFunc: func(_, now any) { p.enqueue(now) },
	}); err != nil {
		return err
	}
	_, err := networking.IngressClasses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { p.enqueueAll() },
		UpdateFunc: func(any, any) { p.enqueueAll() },
		DeleteFunc: func(any) { p.enqueueAll() },
	})
	return err
}

func (p *Part) enqueue(object any) {
	if name, err := cache.ObjectToName(object); err == nil {
		p.queue.Add(name)
	}
}

func (p *Part) enqueueAll() {
	all, _ := p.ingresses.List(labels.Everything()) // a cache's list cannot fail
	for _, ingress := range all {
		p.enqueue(ingress)
	}
}

// Run works until ctx ends.
func (p *Part) Run(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: p.world.Client.CoreV1().Events("")})
	p.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "ingress-stand-in"})
	return standins.Work(ctx, p.Name(), p.queue, standins.Unhurried(p.sync))
}

func (p *Part) sync(ctx context.Context, name cache.ObjectName) error {
	ingress, err := p.ingresses.Ingresses(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	classes, err := p.classes.List(labels.Everything())
	if err != nil {
		return err
	}
	mine := ours(ingress, classes)
	wanted, write := addresses(ingress, mine)
	if write {
		changed := ingress.DeepCopy()
		changed.Status.LoadBalancer.Ingress = wanted
		if _, err := p.world.Client.NetworkingV1().Ingresses(name.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil {
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		}
	}
	p.tell(ingress, mine, write)
	return nil
}

// tell writes the event of ingress-nginx for an Ingress that is new or has changed; not again after a start of ours.
func (p *Part) tell(ingress *networkingv1.Ingress, mine, new bool) {
	before, known := p.seen[string(ingress.UID)]
	p.seen[string(ingress.UID)] = ingress.Generation
	if mine && (new || known && before != ingress.Generation) {
		p.events.Event(ingress, corev1.EventTypeNormal, "Sync", "Scheduled for sync")
	}
}
