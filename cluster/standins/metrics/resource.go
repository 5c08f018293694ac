package metrics

import (
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/request"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

var (
	resourceVersion   = metricsv1beta1.SchemeGroupVersion
	resourceResources = []metav1.APIResource{
		{Name: "nodes", SingularName: "", Kind: "NodeMetrics", Verbs: metav1.Verbs{"get", "list"}},
		{Name: "pods", SingularName: "", Kind: "PodMetrics", Namespaced: true, Verbs: metav1.Verbs{"get", "list"}},
	}
)

// window is the time over which a reported usage is the average. Usage is computed for the moment of the question, so the window is as short
// as the API can say. That matters to the HPA controller, which leaves out a young Pod until it has been ready for one window.
const window = time.Second

// resourceAnswer answers a request of the resource metrics API.
func (p *Part) resourceAnswer(info *request.RequestInfo, r *http.Request) (runtime.Object, error) {
	found := schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}
	if info.Subresource != "" || info.Resource != "pods" && info.Resource != "nodes" {
		return nil, apierrors.NewNotFound(found, info.Name)
	}
	chosen, err := selection(info, r)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Verb == "list" && info.Resource == "pods":
		return p.podMetrics(chosen)
	case info.Verb == "list":
		return p.nodeMetrics(chosen)
	case info.Verb != "get":
		return nil, apierrors.NewMethodNotSupported(found, info.Verb)
	case info.Resource == "pods":
		list, err := p.podMetrics(chosen)
		if err != nil || len(list.Items) == 0 {
			return nil, notMeasured(err, schema.GroupResource{Group: info.APIGroup, Resource: "pods"}, info.Namespace+"/"+info.Name)
		}
		return &list.Items[0], nil
	default:
		list, err := p.nodeMetrics(chosen)
		if err != nil || len(list.Items) == 0 {
			return nil, notMeasured(err, schema.GroupResource{Group: info.APIGroup, Resource: "nodes"}, info.Name)
		}
		return &list.Items[0], nil
	}
}

func notMeasured(err error, kind schema.GroupResource, name string) error {
	if err != nil {
		return err
	}
	return apierrors.NewNotFound(kind, name)
}

// choice is what a request asks for: all that it does not leave out.
type choice struct {
	namespace string
	name      string
	labels    labels.Selector
	fields    fields.Selector
}

func selection(info *request.RequestInfo, r *http.Request) (choice, error) {
	chosen := choice{namespace: info.Namespace, name: info.Name}
	var err error
	query := r.URL.Query()
	if chosen.labels, err = labels.Parse(query.Get("labelSelector")); err != nil {
		return chosen, apierrors.NewBadRequest(err.Error())
	}
	if chosen.fields, err = fields.ParseSelector(query.Get("fieldSelector")); err != nil {
		return chosen, apierrors.NewBadRequest(err.Error())
	}
	for _, requirement := range chosen.fields.Requirements() {
		if requirement.Field != "metadata.name" && requirement.Field != "metadata.namespace" {
			return chosen, apierrors.NewBadRequest("field label not supported: " + requirement.Field)
		}
	}
	return chosen, nil
}

func (c choice) has(object metav1.Object) bool {
	named := fields.Set{"metadata.name": object.GetName(), "metadata.namespace": object.GetNamespace()}
	return (c.namespace == "" || c.namespace == object.GetNamespace()) && (c.name == "" || c.name == object.GetName()) &&
		c.labels.Matches(labels.Set(object.GetLabels())) && c.fields.Matches(named)
}

// measured is what the Pods use that a request asks for, in the order of their names. All Pods share the load, so all are computed.
func (p *Part) measured(chosen choice) ([]PodUsage, error) {
	pods, err := p.pods.Pods(chosen.namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	usages := Measure(pods, p.deployment, p.load())
	usages = slices.DeleteFunc(usages, func(usage PodUsage) bool { return !chosen.has(usage.Pod) })
	slices.SortFunc(usages, func(a, b PodUsage) int { return compareNames(a.Pod, b.Pod) })
	return usages, nil
}

func compareNames(a, b metav1.Object) int {
	if order := strings.Compare(a.GetNamespace(), b.GetNamespace()); order != 0 {
		return order
	}
	return strings.Compare(a.GetName(), b.GetName())
}

func (p *Part) podMetrics(chosen choice) (*metricsv1beta1.PodMetricsList, error) {
	usages, err := p.measured(chosen)
	if err != nil {
		return nil, err
	}
	now := metav1.Now()
	list := &metricsv1beta1.PodMetricsList{Items: []metricsv1beta1.PodMetrics{}}
	for _, usage := range usages {
		item := metricsv1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{
				Name: usage.Pod.Name, Namespace: usage.Pod.Namespace, Labels: usage.Pod.Labels, CreationTimestamp: now,
			},
			Timestamp: now,
			Window:    metav1.Duration{Duration: window},
		}
		for _, container := range usage.Containers {
			item.Containers = append(item.Containers, metricsv1beta1.ContainerMetrics{Name: container.Name, Usage: container.list()})
		}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

func (p *Part) nodeMetrics(chosen choice) (*metricsv1beta1.NodeMetricsList, error) {
	nodes, err := p.nodes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	pods, err := p.measured(choice{labels: labels.Everything(), fields: fields.Everything()})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return compareNames(a, b) })
	now := metav1.Now()
	list := &metricsv1beta1.NodeMetricsList{Items: []metricsv1beta1.NodeMetrics{}}
	for _, node := range nodes {
		if !chosen.has(node) || !isMeasured(node) {
			continue
		}
		list.Items = append(list.Items, metricsv1beta1.NodeMetrics{
			ObjectMeta: metav1.ObjectMeta{Name: node.Name, Labels: node.Labels, CreationTimestamp: now},
			Timestamp:  now,
			Window:     metav1.Duration{Duration: window},
			Usage:      NodeUsage(node, pods).list(),
		})
	}
	return list, nil
}

func (u Usage) list() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(u.MilliCPU, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(u.Memory/kibibyte*kibibyte, resource.BinarySI),
	}
}

// tableOf is what kubectl get prints of resource metrics: a name, the usage and its window. It is nil for other objects.
func tableOf(object runtime.Object) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: []metav1.TableColumnDefinition{
		{Name: "Name", Type: "string", Format: "name", Description: metav1.ObjectMeta{}.SwaggerDoc()["name"]},
		{Name: "cpu", Type: "string"},
		{Name: "memory", Type: "string"},
		{Name: "Window", Type: "string", Format: "duration"},
	}}
	switch found := object.(type) {
	case *metricsv1beta1.PodMetrics:
		table.Rows = append(table.Rows, podRow(found))
	case *metricsv1beta1.PodMetricsList:
		for index := range found.Items {
			table.Rows = append(table.Rows, podRow(&found.Items[index]))
		}
	case *metricsv1beta1.NodeMetrics:
		table.Rows = append(table.Rows, row(found.ObjectMeta, found.Usage))
	case *metricsv1beta1.NodeMetricsList:
		for _, item := range found.Items {
			table.Rows = append(table.Rows, row(item.ObjectMeta, item.Usage))
		}
	default:
		return nil
	}
	return table
}

func podRow(pod *metricsv1beta1.PodMetrics) metav1.TableRow {
	var cpu, memory resource.Quantity
	for _, container := range pod.Containers {
		cpu.Add(*container.Usage.Cpu())
		memory.Add(*container.Usage.Memory())
	}
	return row(pod.ObjectMeta, corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory})
}

func row(meta metav1.ObjectMeta, usage corev1.ResourceList) metav1.TableRow {
	return metav1.TableRow{
		Cells: []any{meta.Name, usage.Cpu().String(), usage.Memory().String(), window.String()},
		Object: runtime.RawExtension{Object: &metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: metav1.SchemeGroupVersion.String(), Kind: "PartialObjectMetadata"}, ObjectMeta: meta,
		}},
	}
}
