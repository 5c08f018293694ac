package metrics

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

const (
	metaNamespace = metav1.NamespaceSystem
	fieldManager  = "stand-ins"
	description   = "kubernetes.io/description"

	// The names that these Services have where metrics-server and prometheus-adapter are installed.
	resourceService = "metrics-server"
	customService   = "prometheus-adapter"
)

// Hosts are the names that the API server expects in the serving certificate.
func Hosts() []string {
	return []string{serverName(resourceService), serverName(customService), "localhost"}
}

func serverName(service string) string { return service + "." + metaNamespace + ".svc" }

// Versions are the versions of APIs that are served, as GROUP/VERSION.
func Versions() []string {
	var served []string
	for _, version := range versions {
		served = append(served, version.version.String())
	}
	return served
}

// registered is one version of an API that the API server passes on to us.
type registered struct {
	version schema.GroupVersion
	service string
	// among the versions of one group, the highest is preferred
	priority int32
}

var versions = []registered{
	{version: resourceVersion, service: resourceService, priority: 100},
	{version: customVersion, service: customService, priority: 200},
	{version: customVersionBefore, service: customService, priority: 100},
}

var (
	apiServices  = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	services     = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	clusterRoles = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
)

// register tells the API server where the metrics are, through its aggregation layer. There is no kube-proxy here and no cluster address
// that leads anywhere, so the Services are of type ExternalName, which the aggregation layer takes at its word.
//
// The HPA controller may read all metrics already: its role comes with Kubernetes (system:controller:horizontal-pod-autoscaler).
func register(ctx context.Context, client dynamic.Interface, authority []byte, port int32) error {
	for _, name := range []string{resourceService, customService} {
		if err := apply(ctx, client, services, service(name, port)); err != nil {
			return err
		}
	}
	if err := apply(ctx, client, clusterRoles, reader()); err != nil {
		return err
	}
	for _, version := range versions {
		if err := apply(ctx, client, apiServices, apiService(version, authority, port)); err != nil {
			return err
		}
	}
	return nil
}

func apply(ctx context.Context, client dynamic.Interface, kind schema.GroupVersionResource, object runtime.Object) error {
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	wanted := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &wanted.Object); err != nil {
		return err
	}
	unstructured.RemoveNestedField(wanted.Object, "status")
	resource := dynamic.ResourceInterface(client.Resource(kind))
	if namespace := wanted.GetNamespace(); namespace != "" {
		resource = client.Resource(kind).Namespace(namespace)
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if _, err := resource.Apply(ctx, wanted.GetName(), wanted, options); err != nil {
		return fmt.Errorf("%s %s could not be applied: %w", wanted.GetKind(), wanted.GetName(), err)
	}
	return nil
}

func service(name string, port int32) *corev1.Service {
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: metaNamespace, Labels: map[string]string{"k8s-app": name},
			Annotations: map[string]string{description: "Played by the practice cluster, beside the API server: no container runs, so usage is computed"},
		},
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceTypeExternalName,
			ExternalName: "localhost",
			Ports:        []corev1.ServicePort{{Name: "https", Protocol: corev1.ProtocolTCP, Port: port}},
		},
	}
}

func apiService(version registered, authority []byte, port int32) *apiregistrationv1.APIService {
	return &apiregistrationv1.APIService{
		TypeMeta: metav1.TypeMeta{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
		ObjectMeta: metav1.ObjectMeta{
			Name:   version.version.Version + "." + version.version.Group,
			Labels: map[string]string{"k8s-app": version.service},
		},
		Spec: apiregistrationv1.APIServiceSpec{
			Group:                version.version.Group,
			Version:              version.version.Version,
			Service:              &apiregistrationv1.ServiceReference{Namespace: metaNamespace, Name: version.service, Port: &port},
			CABundle:             authority,
			GroupPriorityMinimum: 100,
			VersionPriority:      version.priority,
		},
	}
}

// reader lets everybody who may view a namespace see the usage of its Pods, by aggregation into the roles view, edit and admin, as
// metrics-server's own manifest does. It lets nobody read custom metrics, as no adapter's does.
func reader() *rbacv1.ClusterRole {
	labels := map[string]string{"k8s-app": resourceService}
	for _, role := range []string{"view", "edit", "admin"} {
		labels["rbac.authorization.k8s.io/aggregate-to-"+role] = "true"
	}
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: "system:aggregated-metrics-reader", Labels: labels},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{resourceVersion.Group}, Resources: []string{"pods", "nodes"}, Verbs: []string{"get", "list", "watch"}},
		},
	}
}

// lastPort is the port that the API server knows from before, 0 when it knows none.
func lastPort(ctx context.Context, client dynamic.Interface) (int32, error) {
	found, err := client.Resource(apiServices).Get(ctx, versions[0].version.Version+"."+versions[0].version.Group, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	port, _, _ := unstructured.NestedInt64(found.Object, "spec", "service", "port")
	return int32(port), nil
}
