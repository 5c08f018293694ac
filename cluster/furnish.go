package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	"sigs.k8s.io/yaml"
)

const nodeCount = 3

//go:embed crds/httproutes.yaml
var httpRoutes []byte

// stages are the rules by which kwok plays nodes, as it ships them: a node is Ready and renews its lease. Pods are played by kubelets of ours.
func stages() string {
	return strings.Join([]string{
		nodefast.DefaultNodeInit,
		heartbeat.DefaultNodeHeartbeatWithLease,
	}, "\n---\n")
}

// furnish creates what a learner finds on a well-kept cluster: nodes in three zones, the class of an ingress controller, and the
// Gateway API's routes.
func furnish(ctx context.Context, client *kubernetes.Clientset, extensions *apiextensions.Clientset) error {
	for number := 1; number <= nodeCount; number++ {
		if _, err := client.CoreV1().Nodes().Create(ctx, node(number), metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("node %d could not be created: %w", number, err)
		}
	}
	class := &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx"},
		Spec:       networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"},
	}
	if _, err := client.NetworkingV1().IngressClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("the IngressClass could not be created: %w", err)
	}
	var routes apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(httpRoutes, &routes); err != nil {
		return err
	}
	_, err := extensions.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, &routes, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("the HTTPRoute API could not be created: %w", err)
	}
	return nil
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
