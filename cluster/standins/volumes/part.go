package volumes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	storage "k8s.io/component-helpers/storage/volume"
	"practice-cluster/standins"
)

// Part provisions, enlarges and deletes the volumes of the classes whose provisioner is Driver.
type Part struct {
	world   *standins.World
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	queue   workqueue.TypedRateLimitingInterface[item]
	events  record.EventRecorder
}

// item is a claim, or a volume when it has no namespace.
type item struct{ namespace, name string }

// New is the stand-in for a CSI driver's controllers.
func New() *Part { return &Part{} }

// Name is that of the part in logs.
func (p *Part) Name() string { return "volumes" }

// Prepare registers the caches.
func (p *Part) Prepare(world *standins.World) error {
	p.world = world
	p.queue = standins.NewQueue[item]()
	core := world.Informers.Core().V1()
	p.claims, p.volumes = core.PersistentVolumeClaims().Lister(), core.PersistentVolumes().Lister()
	p.classes = world.Informers.Storage().V1().StorageClasses().Lister()
	world.Informers.Storage().V1().StorageClasses().Informer()
	enqueue := cache.ResourceEventHandlerFuncs{
		AddFunc:    p.enqueue,
		UpdateFunc: func(_, now any) { p.enqueue(now) },
	}
	if _, err := core.PersistentVolumeClaims().Informer().AddEventHandler(enqueue); err != nil {
		return err
	}
	_, err := core.PersistentVolumes().Informer().AddEventHandler(enqueue)
	return err
}

func (p *Part) enqueue(object any) {
	if found, ok := object.(metav1.Object); ok {
		p.queue.Add(item{found.GetNamespace(), found.GetName()})
	}
}

// Run works until ctx ends.
func (p *Part) Run(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: p.world.Client.CoreV1().Events("")})
	p.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: Driver})
	return standins.Work(ctx, p.Name(), p.queue, standins.Unhurried(p.sync))
}

func (p *Part) sync(ctx context.Context, key item) error {
	if key.namespace == "" {
		volume, err := p.volumes.Get(key.name)
		if err != nil {
			return ignoreMissing(err)
		}
		return p.look(ctx, volume)
	}
	claim, err := p.claims.PersistentVolumeClaims(key.namespace).Get(key.name)
	if err != nil {
		return ignoreMissing(err)
	}
	if claim.Spec.VolumeName != "" {
		return p.enlarge(ctx, claim)
	}
	return p.provision(ctx, claim)
}

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// provision makes the volume of a claim; binding it is the volume controller's work.
func (p *Part) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if asked(claim) != Driver {
		return nil
	}
	class, err := p.classes.Get(storage.GetPersistentVolumeClaimClass(claim))
	if err != nil {
		return err
	}
	if !wanted(claim, class) {
		return nil
	}
	name := volumeName(claim)
	volume, err := volumeFor(claim, class)
	if err == nil {
		_, err = p.world.Client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(err) { // made a moment ago: the claim is not bound yet in the cache
		return nil
	}
	whose := claim.Namespace + "/" + claim.Name
	p.events.Eventf(claim, corev1.EventTypeNormal, "Provisioning", "External provisioner is provisioning volume for claim %q", whose)
	if err != nil {
		p.events.Eventf(claim, corev1.EventTypeWarning, "ProvisioningFailed", "failed to provision volume with StorageClass %q: %v", class.Name, err)
		return err
	}
	p.events.Eventf(claim, corev1.EventTypeNormal, "ProvisioningSucceeded", "Successfully provisioned volume %s", name)
	return nil
}

// look deletes a volume that is free, and keeps its finalizer in step with its reclaim policy.
func (p *Part) look(ctx context.Context, volume *corev1.PersistentVolume) error {
	what := next(volume)
	switch what {
	case nothing:
		p.lookAtClaim(volume)
		return nil
	case destroy:
		return ignoreMissing(p.world.Client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &volume.UID},
		}))
	}
	changed := volume.DeepCopy()
	changed.Finalizers = finalizers(volume, what)
	_, err := p.world.Client.CoreV1().PersistentVolumes().Update(ctx, changed, metav1.UpdateOptions{})
	return ignoreMissing(err)
}

// lookAtClaim has the volume's claim looked at again: it may have been seen before the volume was in the cache.
func (p *Part) lookAtClaim(volume *corev1.PersistentVolume) {
	if owner := volume.Spec.ClaimRef; owner != nil && volume.Spec.CSI != nil && volume.Spec.CSI.Driver == Driver {
		p.queue.Add(item{owner.Namespace, owner.Name})
	}
}

// enlarge gives a claim the size that it asks for. There is no file system to grow, so no Pod has to be waited for.
func (p *Part) enlarge(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	volume, err := p.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return ignoreMissing(err)
	}
	if _, ok := growth(claim, volume); !ok {
		return nil
	}
	// The cache may still hold the claim as it was before it was enlarged.
	if claim, err = p.world.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Get(ctx, claim.Name, metav1.GetOptions{}); err != nil {
		return ignoreMissing(err)
	}
	size, ok := growth(claim, volume)
	if !ok {
		return nil
	}
	p.events.Eventf(claim, corev1.EventTypeNormal, "Resizing", "External resizer is resizing volume %s", volume.Name)
	if err := p.patchStatus(ctx, claim, resizing(claim, size, metav1.Now())); err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"spec":{"capacity":{"storage":%q}}}`, size.String())
	if _, err := p.world.Client.CoreV1().PersistentVolumes().Patch(ctx, volume.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := p.patchStatus(ctx, claim, resized(claim, size)); err != nil {
		return err
	}
	p.events.Event(claim, corev1.EventTypeNormal, "VolumeResizeSuccessful", "Resize volume succeeded")
	return nil
}

func (p *Part) patchStatus(ctx context.Context, claim *corev1.PersistentVolumeClaim, status corev1.PersistentVolumeClaimStatus) error {
	data, err := json.Marshal(status)
	if err != nil {
		return err
	}
	whole := map[string]any{}
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	for _, cleared := range []string{"conditions", "allocatedResourceStatuses"} { // a merge keeps what is not named
		if _, set := whole[cleared]; !set {
			whole[cleared] = nil
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": claim.UID}, "status": whole})
	if err != nil {
		return err
	}
	_, err = p.world.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(
		ctx, claim.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// String is the item as kubectl would name it.
func (i item) String() string { return strings.TrimPrefix(i.namespace+"/"+i.name, "/") }
