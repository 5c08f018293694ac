package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"practice-cluster/standins/ingress"
	"practice-cluster/standins/velero"
	"practice-cluster/standins/volumes"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	"sigs.k8s.io/yaml"
)

const nodeCount = 3

// customResources are the definitions of what clusters usually have installed: the Gateway API, the Prometheus Operator, Velero.
//
//go:embed crds/*.yaml
var customResources embed.FS

// description is the annotation by which an object says in words what it is.
const description = "kubernetes.io/description"

// stages are the rules by which kwok plays nodes, as it ships them: a node is Ready and renews its lease. Pods are played by kubelets of ours.
func stages() string {
	return strings.Join([]string{
		nodefast.DefaultNodeInit,
		heartbeat.DefaultNodeHeartbeatWithLease,
	}, "\n---\n")
}

// furnish creates what a learner finds on a well-kept cluster: nodes in three zones, disks to ask for, the class of an ingress
// controller, and the kinds of the Gateway API, the Prometheus Operator and Velero with the namespaces that these work in.
func furnish(ctx context.Context, client *kubernetes.Clientset, extensions *apiextensions.Clientset) error {
	for number := 1; number <= nodeCount; number++ {
		if err := made(client.CoreV1().Nodes().Create(ctx, node(number), metav1.CreateOptions{})); err != nil {
			return fmt.Errorf("node %d could not be created: %w", number, err)
		}
	}
	if err := made(client.NetworkingV1().IngressClasses().Create(ctx, ingressClass(), metav1.CreateOptions{})); err != nil {
		return fmt.Errorf("the IngressClass could not be created: %w", err)
	}
	if err := made(client.StorageV1().CSIDrivers().Create(ctx, csiDriver(), metav1.CreateOptions{})); err != nil {
		return fmt.Errorf("the CSIDriver could not be created: %w", err)
	}
	for _, class := range storageClasses() {
		if err := made(client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})); err != nil {
			return fmt.Errorf("StorageClass %s could not be created: %w", class.Name, err)
		}
	}
	for _, namespace := range namespaces() {
		if err := made(client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})); err != nil {
			return fmt.Errorf("namespace %s could not be created: %w", namespace.Name, err)
		}
	}
	return define(ctx, extensions)
}

// made is the error of a creation, unless the object was there already.
func made[T any](_ T, err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// define applies the custom resources' definitions, so that an older cluster gets the fields of today, and waits until they are served.
func define(ctx context.Context, extensions *apiextensions.Clientset) error {
	definitions, err := definitions()
	if err != nil {
		return err
	}
	for _, definition := range definitions {
		data, err := json.Marshal(definition.Object)
		if err != nil {
			return err
		}
		force := true
		_, err = extensions.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, definition.GetName(), types.ApplyPatchType, data,
			metav1.PatchOptions{FieldManager: "practice-cluster", Force: &force})
		if err != nil {
			return fmt.Errorf("%s could not be defined: %w", definition.GetName(), err)
		}
	}
	for _, definition := range definitions {
		if err := waitUntilServed(ctx, extensions, definition.GetName()); err != nil {
			return err
		}
	}
	return nil
}

// definitions reads the files, each with one definition or a List of them.
func definitions() (found []unstructured.Unstructured, err error) {
	files, err := customResources.ReadDir("crds")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := customResources.ReadFile("crds/" + file.Name())
		if err != nil {
			return nil, err
		}
		var read unstructured.Unstructured
		if err := yaml.Unmarshal(data, &read.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		if !read.IsList() {
			found = append(found, read)
			continue
		}
		list, err := read.ToList()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		found = append(found, list.Items...)
	}
	return found, nil
}

func waitUntilServed(ctx context.Context, extensions *apiextensions.Clientset, name string) error {
	err := wait.PollUntilContextCancel(ctx, pollEvery, true, func(ctx context.Context) (bool, error) {
		definition, err := extensions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range definition.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("%s is not served: %w", name, err)
	}
	return nil
}

func ingressClass() *networkingv1.IngressClass {
	return &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "nginx",
			Annotations: map[string]string{description: "A stand-in gives Ingresses of this class an address. No traffic flows."},
		},
		Spec: networkingv1.IngressClassSpec{Controller: ingress.Controller},
	}
}

// csiDriver says that volumes need not be attached to a node before a Pod can use them.
func csiDriver() *storagev1.CSIDriver {
	attach, policy := false, storagev1.FileFSGroupPolicy
	return &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{
			Name:        volumes.Driver,
			Annotations: map[string]string{description: "Disks of the practice cluster. They are played: volumes are bound, and hold nothing."},
		},
		Spec: storagev1.CSIDriverSpec{
			AttachRequired:       &attach,
			FSGroupPolicy:        &policy,
			VolumeLifecycleModes: []storagev1.VolumeLifecycleMode{storagev1.VolumeLifecyclePersistent},
		},
	}
}

// storageClasses are the default one, which waits for the first Pod as those of clouds do, and one that does not wait.
func storageClasses() []*storagev1.StorageClass {
	class := func(name string, mode storagev1.VolumeBindingMode, annotations map[string]string) *storagev1.StorageClass {
		policy, expansion := corev1.PersistentVolumeReclaimDelete, true
		return &storagev1.StorageClass{
			ObjectMeta:           metav1.ObjectMeta{Name: name, Annotations: annotations},
			Provisioner:          volumes.Driver,
			ReclaimPolicy:        &policy,
			VolumeBindingMode:    &mode,
			AllowVolumeExpansion: &expansion,
		}
	}
	return []*storagev1.StorageClass{
		class("standard", storagev1.VolumeBindingWaitForFirstConsumer, map[string]string{
			"storageclass.kubernetes.io/is-default-class": "true",
			description: "Disks made when the first Pod that uses them is scheduled. They are played, and hold nothing.",
		}),
		class("immediate", storagev1.VolumeBindingImmediate, map[string]string{
			description: "Disks made as soon as they are claimed. They are played, and hold nothing.",
		}),
	}
}

// namespaces are those in which the operators of the custom resources would run.
func namespaces() []*corev1.Namespace {
	namespace := func(name, words string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{description: words}}}
	}
	return []*corev1.Namespace{
		namespace(velero.Namespace, "Where Velero looks for its objects. A stand-in plays it: backups hold objects, and no data of disks."),
		namespace("monitoring", "Where Prometheus and its adapter would run. Here nothing scrapes, and no alert fires."),
	}
}

func node(number int) *corev1.Node {
	name := fmt.Sprintf("practice-%d", number)
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("8"),
		corev1.ResourceMemory:           resource.MustParse("16Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelOSStable:           "linux",
				corev1.LabelArchStable:         "amd64",
				corev1.LabelTopologyRegion:     "practice",
				corev1.LabelTopologyZone:       fmt.Sprintf("practice-%c", 'a'+number-1),
				"node-role.kubernetes.io/node": "",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    size,
			Allocatable: size,
			NodeInfo:    corev1.NodeSystemInfo{KubeletVersion: kubernetesVersion(), OperatingSystem: "linux", Architecture: "amd64"},
		},
	}
}
