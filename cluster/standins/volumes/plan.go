// Package volumes plays the disks of a practice cluster: the provisioner and the resizer of one StorageClass. PersistentVolumes are
// real objects, bound by the real controller; there is no disk behind them.
package volumes

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	storage "k8s.io/component-helpers/storage/volume"
)

const (
	// Driver is the name by which StorageClasses ask for the disks that are played here.
	Driver = "disks.practice-cluster"
	// finalizer keeps a volume until its disk is gone; the name is that of the CSI external-provisioner.
	finalizer = "external-provisioner.volume.kubernetes.io/finalizer"
	played    = "practice-cluster/played"
)

// wanted tells whether a claim waits for the provisioner: the volume controller has named it in an annotation, and, for a class that
// waits for the first consumer, the scheduler has chosen a node.
// https://github.com/kubernetes-sigs/sig-storage-lib-external-provisioner, shouldProvision
func wanted(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) bool {
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || asked(claim) != Driver || class.Provisioner != Driver {
		return false
	}
	if class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer {
		return claim.Annotations[storage.AnnSelectedNode] != ""
	}
	return true
}

// asked is the provisioner that the volume controller has named for a claim.
func asked(claim *corev1.PersistentVolumeClaim) string {
	if name := claim.Annotations[storage.AnnStorageProvisioner]; name != "" {
		return name
	}
	return claim.Annotations[storage.AnnBetaStorageProvisioner]
}

// volumeName is the name that every external provisioner gives to the volume of a claim.
func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// volumeFor is the volume that fulfils a claim, or why there can be none.
func volumeFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) (*corev1.PersistentVolume, error) {
	if claim.Spec.Selector != nil {
		return nil, errors.New("claim Selector is not supported")
	}
	if source := claim.Spec.DataSourceRef; source != nil {
		return nil, fmt.Errorf("a disk filled from %s %q is not supported", source.Kind, source.Name)
	}
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        volumeName(claim),
			Annotations: map[string]string{storage.AnnDynamicallyProvisioned: Driver},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			ClaimRef:                      reference(claim),
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver:           Driver,
				VolumeHandle:     volumeName(claim),
				VolumeAttributes: map[string]string{played: "no disk is behind this volume"},
			}},
		},
	}
	if policy == corev1.PersistentVolumeReclaimDelete {
		volume.Finalizers = []string{finalizer}
	}
	return volume, nil
}

func reference(claim *corev1.PersistentVolumeClaim) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: "v1", Kind: "PersistentVolumeClaim",
		Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
	}
}

// step is what the provisioner has to do about a volume that it has made.
type step string

const (
	nothing step = ""
	// destroy deletes the object of a volume that nobody claims any more.
	destroy step = "destroy"
	// hold and release keep the finalizer in step with the reclaim policy: only a disk that is to be deleted has to be waited for.
	hold    step = "hold"
	release step = "release"
)

// next is what to do about a volume. A volume that is deleted while it is claimed stays until the claim is gone, as with the feature
// HonorPVReclaimPolicy.
func next(volume *corev1.PersistentVolume) step {
	if volume.Annotations[storage.AnnDynamicallyProvisioned] != Driver {
		return nothing
	}
	deletes := volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
	held := slices.Contains(volume.Finalizers, finalizer)
	free := volume.Status.Phase == corev1.VolumeReleased || volume.Status.Phase == corev1.VolumeFailed
	switch {
	case volume.DeletionTimestamp != nil && held && (free || !deletes):
		return release
	case volume.DeletionTimestamp != nil:
		return nothing
	case deletes && free:
		return destroy
	case deletes && !held:
		return hold
	case !deletes && held:
		return release
	}
	return nothing
}

// finalizers are those of a volume after a step.
func finalizers(volume *corev1.PersistentVolume, what step) []string {
	rest := slices.DeleteFunc(slices.Clone(volume.Finalizers), func(name string) bool { return name == finalizer })
	if what == hold {
		return append(rest, finalizer)
	}
	return rest
}

// growth is the size that a bound claim asks for beyond what it has; ok is false when there is nothing to do.
func growth(claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) (size resource.Quantity, ok bool) {
	if claim.Status.Phase != corev1.ClaimBound || claim.DeletionTimestamp != nil || claim.Spec.VolumeName != volume.Name {
		return size, false
	}
	if volume.Annotations[storage.AnnDynamicallyProvisioned] != Driver {
		return size, false
	}
	size = claim.Spec.Resources.Requests[corev1.ResourceStorage]
	has := claim.Status.Capacity[corev1.ResourceStorage]
	return size, size.Cmp(has) > 0
}

// resizing is the status of a claim whose volume is being enlarged, as the CSI external-resizer writes it.
func resizing(claim *corev1.PersistentVolumeClaim, size resource.Quantity, now metav1.Time) corev1.PersistentVolumeClaimStatus {
	status := *claim.Status.DeepCopy()
	status.AllocatedResources = corev1.ResourceList{corev1.ResourceStorage: size}
	status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{
		corev1.ResourceStorage: corev1.PersistentVolumeClaimControllerResizeInProgress,
	}
	status.Conditions = append(withoutResizing(status.Conditions), corev1.PersistentVolumeClaimCondition{
		Type: corev1.PersistentVolumeClaimResizing, Status: corev1.ConditionTrue, LastTransitionTime: now,
	})
	return status
}

// resized is the status of a claim whose volume has been enlarged.
func resized(claim *corev1.PersistentVolumeClaim, size resource.Quantity) corev1.PersistentVolumeClaimStatus {
	status := *claim.Status.DeepCopy()
	status.Capacity = corev1.ResourceList{corev1.ResourceStorage: size}
	status.AllocatedResources = corev1.ResourceList{corev1.ResourceStorage: size}
	status.AllocatedResourceStatuses = nil
	status.Conditions = withoutResizing(status.Conditions)
	return status
}

func withoutResizing(conditions []corev1.PersistentVolumeClaimCondition) []corev1.PersistentVolumeClaimCondition {
	return slices.DeleteFunc(slices.Clone(conditions), func(condition corev1.PersistentVolumeClaimCondition) bool {
		return condition.Type == corev1.PersistentVolumeClaimResizing || condition.Type == corev1.PersistentVolumeClaimFileSystemResizePending
	})
}
