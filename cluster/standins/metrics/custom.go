package metrics

import (
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	custommetricsv1beta1 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta1"
	custommetricsv1beta2 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
)

// requestsPerSecond is the one metric that applications report here: those of a Deployment whose containers open a port.
const requestsPerSecond = "requests_per_second"

var (
	customVersion       = custommetricsv1beta2.SchemeGroupVersion
	customVersionBefore = custommetricsv1beta1.SchemeGroupVersion
	customResources     = []metav1.APIResource{
		{Name: "pods/" + requestsPerSecond, SingularName: "", Kind: "MetricValueList", Namespaced: true, Verbs: metav1.Verbs{"get"}},
	}
)

// customAnswer answers a request of the custom metrics API: /namespaces/NAMESPACE/pods/NAME/METRIC, where the name * stands for all Pods
// that labelSelector picks; metricLabelSelector picks among the series of the metric.
func (p *Part) customAnswer(info *request.RequestInfo, r *http.Request) (runtime.Object, error) {
	if info.Resource != "pods" || info.Subresource != requestsPerSecond || info.Namespace == "" {
		return nil, unknownMetric(info)
	}
	if info.Verb != "get" {
		return nil, apierrors.NewMethodNotSupported(schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}, info.Verb)
	}
	chosen, err := selection(info, r)
	if err != nil {
		return nil, err
	}
	if info.Name == custom_metrics.AllObjects {
		chosen.name = ""
	}
	asked := r.URL.Query().Get("metricLabelSelector")
	series, err := labels.Parse(asked)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	list, err := p.requests(chosen, asked, series)
	if err == nil && chosen.name != "" && len(list.Items) == 0 {
		return nil, unknownMetric(info)
	}
	return list, err
}

func (p *Part) requests(chosen choice, asked string, series labels.Selector) (*custom_metrics.MetricValueList, error) {
	usages, err := p.measured(chosen)
	if err != nil {
		return nil, err
	}
	metric := custom_metrics.MetricIdentifier{Name: requestsPerSecond}
	if asked != "" {
		if metric.Selector, err = metav1.ParseToLabelSelector(asked); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	seconds := int64(window.Seconds())
	now := metav1.Now()
	list := &custom_metrics.MetricValueList{Items: []custom_metrics.MetricValue{}}
	for _, usage := range usages {
		if usage.Serves == "" || !series.Matches(seriesLabels(usage)) {
			continue
		}
		list.Items = append(list.Items, custom_metrics.MetricValue{
			DescribedObject: custom_metrics.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: usage.Pod.Namespace, Name: usage.Pod.Name},
			Metric:          metric,
			Timestamp:       now,
			WindowSeconds:   &seconds,
			Value:           *resource.NewMilliQuantity(usage.MilliRequests, resource.DecimalSI),
		})
	}
	return list, nil
}

// seriesLabels are the labels that the series of a Pod has: where it comes from, as Prometheus adds it, and the verb of its requests,
// which are all GETs here.
func seriesLabels(usage PodUsage) labels.Set {
	return labels.Set{"namespace": usage.Pod.Namespace, "pod": usage.Pod.Name, "container": usage.Serves, "verb": "GET"}
}

// unknownMetric is said in the words of the adapters' library, which the HPA passes on in its condition.
func unknownMetric(info *request.RequestInfo) error {
	message := fmt.Sprintf("the server could not find the metric %s for %s %s", info.Subresource, info.Resource, info.Name)
	if info.Name == custom_metrics.AllObjects {
		message = fmt.Sprintf("the server could not find the metric %s for %s", info.Subresource, info.Resource)
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: message,
	}}
}
