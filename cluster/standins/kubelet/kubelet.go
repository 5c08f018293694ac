// Package kubelet plays the kubelets of a practice cluster: what becomes of each Pod that is bound to a node, from the Pod's own spec, the
// objects that it refers to, and a list of images. No container runs; states, probes, back-offs, events and logs are those that a
// kubelet would report.
package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	podutil "k8s.io/kubernetes/pkg/util/pod"
	"practice-cluster/standins"
)

const (
	workers = 8
	// hostIP is where all nodes are: on this machine.
	hostIP = "127.0.0.1"
	byNode = "node"
)

// Kubelets plays the kubelet of every node.
type Kubelets struct {
	world     *standins.World
	images    *images
	pods      cache.SharedIndexInformer
	nodes     corelisters.NodeLister
	knows     listers
	queue     workqueue.TypedRateLimitingInterface[string]
	addresses *addresses
	recorders *recorders
	server    *server

	mutex    sync.Mutex
	memories map[string]*Memory         // by namespace/name
	waiting  map[string]map[string]bool // namespaces to the Pods in it that wait for objects
	present  map[string]map[string]bool // nodes to the images that they have pulled
}

// New makes the part; Prepare gives it its world.
func New() *Kubelets {
	return &Kubelets{
		addresses: newAddresses(),
		queue:     workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]()),
		memories:  map[string]*Memory{}, waiting: map[string]map[string]bool{}, present: map[string]map[string]bool{},
	}
}

// Name is the part's name.
func (k *Kubelets) Name() string { return "kubelets" }

// Prepare registers the caches and what wakes a Pod.
func (k *Kubelets) Prepare(world *standins.World) error {
	k.world = world
	var err error
	if k.images, err = openImages(world.Dir); err != nil {
		return err
	}
	core := world.Informers.Core().V1()
	k.pods = core.Pods().Informer()
	if err := k.pods.AddIndexers(cache.Indexers{byNode: nodeOf}); err != nil {
		return err
	}
	k.nodes = core.Nodes().Lister()
	k.knows = listers{
		secrets: core.Secrets().Lister(), configMaps: core.ConfigMaps().Lister(), claims: core.PersistentVolumeClaims().Lister(),
		accounts: core.ServiceAccounts().Lister(),
	}
	if _, err := k.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: k.podChanged, UpdateFunc: func(_, pod any) { k.podChanged(pod) }, DeleteFunc: k.podChanged,
	}); err != nil {
		return err
	}
	for _, informer := range []cache.SharedIndexInformer{
		core.Secrets().Informer(), core.ConfigMaps().Informer(), core.PersistentVolumeClaims().Informer(), core.ServiceAccounts().Informer(),
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: k.objectChanged, UpdateFunc: func(_, object any) { k.objectChanged(object) },
		}); err != nil {
			return err
		}
	}
	_, err = core.Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: k.nodeChanged, UpdateFunc: k.nodeUpdated})
	return err
}

func nodeOf(object any) ([]string, error) {
	if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
		return []string{pod.Spec.NodeName}, nil
	}
	return nil, nil
}

func (k *Kubelets) podChanged(object any) {
	if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
		if pod, ok := object.(*corev1.Pod); !ok || pod.Spec.NodeName != "" {
			k.queue.Add(key)
		}
	}
}

// objectChanged wakes the Pods of the namespace that wait for an object.
func (k *Kubelets) objectChanged(object any) {
	meta, ok := object.(metav1.Object)
	if !ok {
		return
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for key := range k.waiting[meta.GetNamespace()] {
		k.queue.Add(key)
	}
}

// nodeChanged wakes a node's Pods when the node appears, and has it say where its kubelet answers.
func (k *Kubelets) nodeChanged(object any) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	k.queue.Add(nodeKey + node.Name)
	pods, err := k.pods.GetIndexer().ByIndex(byNode, node.Name)
	if err != nil {
		return
	}
	for _, pod := range pods {
		k.podChanged(pod)
	}
}

func (k *Kubelets) nodeUpdated(before, now any) {
	if old, ok := before.(*corev1.Node); ok {
		if node, ok := now.(*corev1.Node); ok && !whereEqual(old, node) {
			k.queue.Add(nodeKey + node.Name)
		}
	}
}

// nodeKey marks the keys of nodes in the queue; a namespace's name has no colon.
const nodeKey = "node:"

// Run plays until ctx ends.
func (k *Kubelets) Run(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: k.world.Client.CoreV1().Events("")})
	k.recorders = &recorders{broadcaster: broadcaster, byNode: map[string]record.EventRecorder{}}
	served, err := serve(ctx, k)
	if err != nil {
		return err
	}
	k.server = served
	for _, object := range k.pods.GetStore().List() {
		if pod, ok := object.(*corev1.Pod); ok {
			k.remember(pod)
		}
	}
	nodes, err := k.nodes.List(everything)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		k.nodeChanged(node)
	}
	go func() {
		<-ctx.Done()
		k.queue.ShutDown()
	}()
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for k.next(ctx) {
			}
		})
	}
	running.Wait()
	return nil
}

// remember notes the address and the image that a Pod has from before this process began.
func (k *Kubelets) remember(pod *corev1.Pod) {
	if pod.Status.PodIP != "" && !pod.Spec.HostNetwork {
		k.addresses.keep(pod.Spec.NodeName, pod.UID, pod.Status.PodIP)
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.ImageID != "" {
			k.pulled(pod.Spec.NodeName, status.Image)
		}
	}
}

func (k *Kubelets) next(ctx context.Context) bool {
	key, quit := k.queue.Get()
	if quit {
		return false
	}
	defer k.queue.Done(key)
	var err error
	if node, ok := strings.CutPrefix(key, nodeKey); ok {
		err = k.tellWhere(ctx, node)
	} else {
		err = k.play(ctx, key)
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("tried again later", "key", key, "error", err)
		k.queue.AddRateLimited(key)
		return true
	}
	k.queue.Forget(key)
	return true
}

// play looks at one Pod, and reports what has become of it.
func (k *Kubelets) play(ctx context.Context, key string) error {
	object, exists, err := k.pods.GetStore().GetByKey(key)
	if err != nil {
		return err
	}
	pod, ok := object.(*corev1.Pod)
	if !exists || !ok || pod.Spec.NodeName == "" {
		k.forget(key)
		return nil
	}
	if _, err := k.nodes.Get(pod.Spec.NodeName); err != nil {
		return nil // its kubelet went with it; what is left of the Pod is the controllers' business
	}
	memory, err := k.memory(key, pod)
	if err != nil {
		return err
	}
	k.waits(key, pod.Namespace, true) // before it looks: what appears meanwhile must wake it
	outcome := memory.Step(pod, k, time.Now())
	k.waits(key, pod.Namespace, outcome.Waiting)
	for _, image := range outcome.Pulled {
		k.pulled(pod.Spec.NodeName, image)
	}
	for _, event := range outcome.Events {
		k.recorders.of(pod.Spec.NodeName).Event(about(pod, event.Container), event.Type, event.Reason, event.Message)
	}
	if !outcome.Next.IsZero() {
		k.queue.AddAfter(key, time.Until(outcome.Next))
	}
	_, _, _, err = podutil.PatchPodStatus(ctx, k.world.Client, pod.Namespace, pod.Name, pod.UID, pod.Status, outcome.Status)
	if err != nil && !isGone(err) {
		return err
	}
	if !outcome.Gone {
		return nil
	}
	options := metav1.DeleteOptions{GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
	if err := k.world.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options); err != nil && !isGone(err) {
		return fmt.Errorf("%s could not be deleted: %w", key, err)
	}
	return nil
}

// waits notes whether a Pod waits for objects of its namespace.
func (k *Kubelets) waits(key, namespace string, does bool) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if does && k.waiting[namespace] == nil {
		k.waiting[namespace] = map[string]bool{}
	}
	if does {
		k.waiting[namespace][key] = true
	} else if delete(k.waiting[namespace], key); len(k.waiting[namespace]) == 0 {
		delete(k.waiting, namespace)
	}
}

// isGone tells that the Pod is not there any more, or is another one of the same name.
func isGone(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsConflict(err) || strings.Contains(err.Error(), "not found") ||
		strings.Contains(err.Error(), "Precondition failed")
}

func (k *Kubelets) memory(key string, pod *corev1.Pod) (*Memory, error) {
	k.mutex.Lock()
	known := k.memories[key]
	k.mutex.Unlock()
	if known != nil && known.uid == pod.UID {
		return known, nil
	}
	if known != nil {
		k.addresses.release(known.uid)
		known.end(time.Now())
	}
	where := podAddresses{host: hostIP, pod: hostIP}
	if !pod.Spec.HostNetwork {
		var err error
		if where.pod, err = k.addresses.take(pod.Spec.NodeName, pod.UID); err != nil {
			return nil, err
		}
	}
	memory := NewMemory(pod, k, where, time.Now())
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.memories[key] = memory
	return memory, nil
}

func (k *Kubelets) forget(key string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if memory := k.memories[key]; memory != nil {
		k.addresses.release(memory.uid)
		go memory.end(time.Now())
		delete(k.memories, key)
		namespace, _, _ := strings.Cut(key, "/")
		if delete(k.waiting[namespace], key); len(k.waiting[namespace]) == 0 {
			delete(k.waiting, namespace)
		}
	}
}

// Find looks an image up in the list.
func (k *Kubelets) Find(image string) (Image, error) { return k.images.find(image) }

// Present tells whether a node has pulled an image.
func (k *Kubelets) Present(node, image string) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.present[node][image]
}

func (k *Kubelets) pulled(node, image string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.present[node] == nil {
		k.present[node] = map[string]bool{}
	}
	k.present[node][image] = true
}

// Secret, ConfigMap, Claim and HasServiceAccount look into the caches.
func (k *Kubelets) Secret(namespace, name string) *corev1.Secret {
	return found(k.knows.secrets.Secrets(namespace).Get(name))
}

// ConfigMap is the one of that name, or nil.
func (k *Kubelets) ConfigMap(namespace, name string) *corev1.ConfigMap {
	return found(k.knows.configMaps.ConfigMaps(namespace).Get(name))
}

// Claim is the one of that name, or nil.
func (k *Kubelets) Claim(namespace, name string) *corev1.PersistentVolumeClaim {
	return found(k.knows.claims.PersistentVolumeClaims(namespace).Get(name))
}

// HasServiceAccount tells whether there is one of that name.
func (k *Kubelets) HasServiceAccount(namespace, name string) bool {
	return found(k.knows.accounts.ServiceAccounts(namespace).Get(name)) != nil
}

func found[T any](object *T, err error) *T {
	if err != nil {
		return nil
	}
	return object
}

type listers struct {
	secrets    corelisters.SecretLister
	configMaps corelisters.ConfigMapLister
	claims     corelisters.PersistentVolumeClaimLister
	accounts   corelisters.ServiceAccountLister
}

// recorders write events in the name of each node's kubelet; alike ones are counted, as client-go does it.
type recorders struct {
	mutex       sync.Mutex
	broadcaster record.EventBroadcaster
	byNode      map[string]record.EventRecorder
}

func (r *recorders) of(node string) record.EventRecorder {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.byNode[node] == nil {
		r.byNode[node] = r.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})
	}
	return r.byNode[node]
}

// about refers to a Pod, or to one of its containers.
func about(pod *corev1.Pod, c *container) *corev1.ObjectReference {
	reference := &corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: types.UID(pod.UID), ResourceVersion: pod.ResourceVersion,
	}
	if c != nil {
		list := map[role]string{roleMain: "containers", roleInit: "initContainers", roleSidecar: "initContainers", roleDebug: "ephemeralContainers"}[c.role]
		reference.FieldPath = fmt.Sprintf("spec.%s{%s}", list, c.spec.Name)
	}
	return reference
}
