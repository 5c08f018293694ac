package volumes

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	storage "k8s.io/component-helpers/storage/volume"
)

func claimOf(annotations map[string]string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "models", Namespace: "rag-engine", UID: "1234", Annotations: annotations},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: sized("5Gi")},
		},
	}
	for _, edit := range change {
		edit(claim)
	}
	return claim
}

func classOf(provisioner string, mode storagev1.VolumeBindingMode) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: provisioner, VolumeBindingMode: &mode}
}

func sized(size string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
}

func TestWanted(t *testing.T) {
	named := map[string]string{storage.AnnStorageProvisioner: Driver}
	placed := map[string]string{storage.AnnStorageProvisioner: Driver, storage.AnnSelectedNode: "practice-1"}
	now := metav1.Now()
	for name, test := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		class *storagev1.StorageClass
		want  bool
	}{
		"not asked yet":  {claimOf(nil), classOf(Driver, storagev1.VolumeBindingImmediate), false},
		"asked, at once": {claimOf(named), classOf(Driver, storagev1.VolumeBindingImmediate), true},
		"the annotation's old name": {
			claimOf(map[string]string{storage.AnnBetaStorageProvisioner: Driver}), classOf(Driver, storagev1.VolumeBindingImmediate), true,
		},
		"no Pod yet":       {claimOf(named), classOf(Driver, storagev1.VolumeBindingWaitForFirstConsumer), false},
		"a node is chosen": {claimOf(placed), classOf(Driver, storagev1.VolumeBindingWaitForFirstConsumer), true},
		"another's class":  {claimOf(placed), classOf("ebs.csi.aws.com", storagev1.VolumeBindingImmediate), false},
		"another is asked": {claimOf(map[string]string{storage.AnnStorageProvisioner: "ebs.csi.aws.com"}), classOf(Driver, storagev1.VolumeBindingImmediate), false},
		"bound already":    {claimOf(named, func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv" }), classOf(Driver, storagev1.VolumeBindingImmediate), false},
		"on its way out":   {claimOf(named, func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &now }), classOf(Driver, storagev1.VolumeBindingImmediate), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wanted(test.claim, test.class); got != test.want {
				t.Errorf("wanted = %v, want %v", got, test.want)
			}
		})
	}
}

func TestVolumeFor(t *testing.T) {
	volume, err := volumeFor(claimOf(nil), classOf(Driver, storagev1.VolumeBindingImmediate))
	if err != nil {
		t.Fatal(err)
	}
	if volume.Name != "pvc-1234" || volume.Spec.ClaimRef.UID != "1234" || volume.Spec.StorageClassName != "standard" {
		t.Errorf("the volume is not the claim's: %+v", volume)
	}
	if size := volume.Spec.Capacity[corev1.ResourceStorage]; size.String() != "5Gi" {
		t.Errorf("size = %s", size.String())
	}
	if volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete || !slices.Contains(volume.Finalizers, finalizer) {
		t.Errorf("a volume goes with its claim unless the class says otherwise: %+v", volume)
	}
	retain := corev1.PersistentVolumeReclaimRetain
	class := classOf(Driver, storagev1.VolumeBindingImmediate)
	class.ReclaimPolicy = &retain
	if kept, _ := volumeFor(claimOf(nil), class); kept.Spec.PersistentVolumeReclaimPolicy != retain || len(kept.Finalizers) != 0 {
		t.Errorf("the class says Retain: %+v", kept)
	}
}

func TestVolumeForRefuses(t *testing.T) {
	for name, edit := range map[string]func(*corev1.PersistentVolumeClaim){
		"a selector": func(c *corev1.PersistentVolumeClaim) { c.Spec.Selector = &metav1.LabelSelector{} },
		"a data source": func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSourceRef = &corev1.TypedObjectReference{Kind: "VolumeSnapshot", Name: "s"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := volumeFor(claimOf(nil, edit), classOf(Driver, storagev1.VolumeBindingImmediate)); err == nil {
				t.Error("it should be refused")
			}
		})
	}
}

func TestNext(t *testing.T) {
	const deletes, retains = corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain
	now := metav1.Now()
	for name, test := range map[string]struct {
		by     string
		policy corev1.PersistentVolumeReclaimPolicy
		phase  corev1.PersistentVolumePhase
		held   bool
		going  bool
		want   step
	}{
		"somebody else's":               {by: "ebs.csi.aws.com", policy: deletes, phase: corev1.VolumeReleased, want: nothing},
		"in use":                        {by: Driver, policy: deletes, phase: corev1.VolumeBound, held: true, want: nothing},
		"its claim is gone":             {by: Driver, policy: deletes, phase: corev1.VolumeReleased, held: true, want: destroy},
		"deleted after its claim":       {by: Driver, policy: deletes, phase: corev1.VolumeReleased, held: true, going: true, want: release},
		"deleted while in use":          {by: Driver, policy: deletes, phase: corev1.VolumeBound, held: true, going: true, want: nothing},
		"to be kept, its claim is gone": {by: Driver, policy: retains, phase: corev1.VolumeReleased, want: nothing},
		"to be kept from now on":        {by: Driver, policy: retains, phase: corev1.VolumeBound, held: true, want: release},
		"to be deleted from now on":     {by: Driver, policy: deletes, phase: corev1.VolumeBound, want: hold},
		"kept and deleted by hand":      {by: Driver, policy: retains, phase: corev1.VolumeReleased, held: true, going: true, want: release},
	} {
		t.Run(name, func(t *testing.T) {
			volume := &corev1.PersistentVolume{
				ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{storage.AnnDynamicallyProvisioned: test.by}},
				Spec:       corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: test.policy},
				Status:     corev1.PersistentVolumeStatus{Phase: test.phase},
			}
			if test.held {
				volume.Finalizers = []string{"kubernetes.io/pv-protection", finalizer}
			}
			if test.going {
				volume.DeletionTimestamp = &now
			}
			got := next(volume)
			if got != test.want {
				t.Errorf("next = %q, want %q", got, test.want)
			}
			if got == release && slices.Contains(finalizers(volume, got), finalizer) {
				t.Error("the finalizer stays")
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	for name, test := range map[string]struct {
		asks, has string
		phase     corev1.PersistentVolumeClaimPhase
		want      bool
	}{
		"more":          {"10Gi", "5Gi", corev1.ClaimBound, true},
		"the same":      {"5Gi", "5120Mi", corev1.ClaimBound, false},
		"less":          {"5Gi", "10Gi", corev1.ClaimBound, false},
		"not bound yet": {"10Gi", "5Gi", corev1.ClaimPending, false},
	} {
		t.Run(name, func(t *testing.T) {
			claim := claimOf(nil, func(c *corev1.PersistentVolumeClaim) {
				c.Spec.VolumeName = "pv"
				c.Spec.Resources.Requests = sized(test.asks)
				c.Status = corev1.PersistentVolumeClaimStatus{Phase: test.phase, Capacity: sized(test.has)}
			})
			volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv", Annotations: map[string]string{storage.AnnDynamicallyProvisioned: Driver}}}
			size, got := growth(claim, volume)
			if got != test.want {
				t.Fatalf("growth = %v, want %v", got, test.want)
			}
			if !got {
				return
			}
			claim.Status = resizing(claim, size, metav1.Now())
			if len(claim.Status.Conditions) != 1 || claim.Status.Conditions[0].Type != corev1.PersistentVolumeClaimResizing {
				t.Errorf("conditions = %v", claim.Status.Conditions)
			}
			done := resized(claim, size)
			if has := done.Capacity[corev1.ResourceStorage]; has.Cmp(size) != 0 || len(done.Conditions) != 0 {
				t.Errorf("status = %+v", done)
			}
		})
	}
}
