package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	resourcemetrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"practice-cluster/advice"
)

// syncPeriod is the default of kube-controller-manager's --horizontal-pod-autoscaler-sync-period. No flag of the HPA controller is set
// here, and its clock is left alone: stabilization windows and policy periods are in the learner's manifest, in seconds of the
// machine's own clock. A faster controller would apply other policies than those that were written, and what is learned here would
// be wrong elsewhere. Hence minutes are needed to see a scale-down, as in production.
const syncPeriod = 15 * time.Second

// NoDeployment says that there is nothing to put load on.
func NoDeployment(target types.NamespacedName) error {
	return fmt.Errorf("there is no Deployment %s in namespace %s. Apply it first, or name another with --deployment and --namespace",
		target.Name, target.Namespace)
}

// SetLoad writes the load where the stand-in for the metrics reads it. Load is only put on a Deployment that is there.
func SetLoad(ctx context.Context, client kubernetes.Interface, target types.NamespacedName, rate int64) error {
	var value *string
	if rate > 0 {
		text := fmt.Sprint(rate)
		value = &text
		if _, err := client.AppsV1().Deployments(target.Namespace).Get(ctx, target.Name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return NoDeployment(target)
		} else if err != nil {
			return err
		}
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]*string{LoadKey(target): value}})
	if err != nil {
		return err
	}
	configs := client.CoreV1().ConfigMaps(LoadNamespace)
	_, err = configs.Patch(ctx, LoadName, types.MergePatchType, patch, metav1.PatchOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:        LoadName,
		Annotations: map[string]string{"kubernetes.io/description": "Requests per second that are played, by Deployment. Written by: practice-cluster load"},
	}}
	if value != nil {
		config.Data = map[string]string{LoadKey(target): *value}
	}
	_, err = configs.Create(ctx, config, metav1.CreateOptions{})
	return err
}

// View is what the learner is shown of a Deployment's load.
type View struct {
	target      types.NamespacedName
	rate        int64
	replicas    int32
	ready       int32
	pods        []corev1.Pod
	usage       []resourcemetrics.PodMetrics
	requests    []custommetrics.MetricValue
	autoscalers []autoscalingv2.HorizontalPodAutoscaler
	now         time.Time
}

// NewView reads what there is to show.
func NewView(ctx context.Context, client kubernetes.Interface, target types.NamespacedName) (*View, error) {
	deployment, err := client.AppsV1().Deployments(target.Namespace).Get(ctx, target.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	view := &View{target: target, replicas: replicasOf(deployment), ready: deployment.Status.ReadyReplicas, now: time.Now()}
	config, err := client.CoreV1().ConfigMaps(LoadNamespace).Get(ctx, LoadName, metav1.GetOptions{})
	if err == nil {
		view.rate = LoadFrom(config)[target]
	} else if !apierrors.IsNotFound(err) {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(deployment.Spec.Selector)
	if err != nil {
		return nil, err
	}
	pods, err := client.CoreV1().Pods(target.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, err
	}
	view.pods = pods.Items
	var usage resourcemetrics.PodMetricsList
	path := "/apis/" + resourcemetrics.SchemeGroupVersion.String() + "/namespaces/" + target.Namespace + "/pods"
	if err := readMetrics(ctx, client, path, selector.String(), &usage); err != nil {
		return nil, err
	}
	view.usage = usage.Items
	var requests custommetrics.MetricValueList
	path = "/apis/" + custommetrics.SchemeGroupVersion.String() + "/namespaces/" + target.Namespace + "/pods/*/requests_per_second"
	if err := readMetrics(ctx, client, path, selector.String(), &requests); err != nil {
		return nil, err
	}
	view.requests = requests.Items
	autoscalers, err := client.AutoscalingV2().HorizontalPodAutoscalers(target.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, autoscaler := range autoscalers.Items {
		if reference := autoscaler.Spec.ScaleTargetRef; reference.Kind == "Deployment" && reference.Name == target.Name {
			view.autoscalers = append(view.autoscalers, autoscaler)
		}
	}
	return view, nil
}

func replicasOf(deployment *appsv1.Deployment) int32 {
	if deployment.Spec.Replicas == nil {
		return 1
	}
	return *deployment.Spec.Replicas
}

func readMetrics(ctx context.Context, client kubernetes.Interface, path, selector string, into any) error {
	data, err := client.Discovery().RESTClient().Get().AbsPath(path).Param("labelSelector", selector).
		SetHeader("Accept", "application/json").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("the metrics could not be read: %w", err)
	}
	return json.Unmarshal(data, into)
}

// Follows tells whether the Pods report the load that is set already.
func (v *View) Follows() bool {
	return len(v.requests) == 0 || math.Abs(v.served()-float64(v.rate)) < 1
}

// served is what all Pods together report, in requests per second.
func (v *View) served() float64 {
	total := 0.0
	for _, value := range v.requests {
		total += value.Value.AsApproximateFloat64()
	}
	return total
}

// String is the view as text.
func (v *View) String() string {
	var text strings.Builder
	if v.rate == 0 {
		fmt.Fprintf(&text, "Deployment %s in namespace %s has no load. Put some on it with: %s\n\n",
			v.target.Name, v.target.Namespace, advice.Command("load 150"))
	} else {
		fmt.Fprintf(&text, "Deployment %s in namespace %s gets %d requests per second. They are played: none is really sent.\n\n",
			v.target.Name, v.target.Namespace, v.rate)
	}
	table := tabwriter.NewWriter(&text, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "REPLICAS\tREADY\tREQUESTS/S PER POD\tCPU PER POD\tMEMORY PER POD")
	fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%s\n", v.replicas, v.ready, v.requestsPerPod(),
		v.perPod(corev1.ResourceCPU), v.perPod(corev1.ResourceMemory))
	_ = table.Flush()
	v.explainLoad(&text)
	v.explainAutoscalers(&text)
	return text.String()
}

func (v *View) requestsPerPod() string {
	receivers := 0
	for _, value := range v.requests {
		if value.Value.Sign() > 0 {
			receivers++
		}
	}
	if receivers == 0 {
		return "0"
	}
	return fmt.Sprintf("%.4g", v.served()/float64(receivers))
}

// perPod is the average usage of a resource, and how much that is of what the Pods request.
func (v *View) perPod(name corev1.ResourceName) string {
	if len(v.usage) == 0 {
		return "-"
	}
	var used, requested int64
	measured := map[string]bool{}
	for _, pod := range v.usage {
		measured[pod.Name] = true
		for _, container := range pod.Containers {
			used += container.Usage.Name(name, resource.DecimalSI).MilliValue()
		}
	}
	for _, pod := range v.pods {
		for _, container := range pod.Spec.Containers {
			if measured[pod.Name] {
				requested += container.Resources.Requests.Name(name, resource.DecimalSI).MilliValue()
			}
		}
	}
	count := int64(len(v.usage))
	text := inUnits(name, used/count)
	if requested > 0 {
		text += fmt.Sprintf(" (%d%% of %s requested)", used*100/requested, inUnits(name, requested/count))
	}
	return text
}

func inUnits(name corev1.ResourceName, milli int64) string {
	if name == corev1.ResourceCPU {
		return fmt.Sprintf("%dm", milli)
	}
	return fmt.Sprintf("%dMi", milli/1000>>20)
}

func (v *View) explainLoad(text *strings.Builder) {
	switch {
	case v.rate == 0 || v.served() > 0:
	case v.ready == 0:
		fmt.Fprintln(text, "\nNo Pod of it is ready, so nobody takes the requests. See: kubectl -n "+v.target.Namespace+" get pods")
	default:
		fmt.Fprintln(text, "\nNo container of it opens a port (containerPort), so no request reaches it.")
	}
}

func (v *View) explainAutoscalers(text *strings.Builder) {
	if len(v.autoscalers) == 0 {
		fmt.Fprintln(text, "\nNo HorizontalPodAutoscaler scales it: the count of replicas stays.")
	}
	for index := range v.autoscalers {
		autoscaler := &v.autoscalers[index]
		least := int32(1)
		if autoscaler.Spec.MinReplicas != nil {
			least = *autoscaler.Spec.MinReplicas
		}
		wants := fmt.Sprintf("wants %d now", autoscaler.Status.DesiredReplicas)
		if autoscaler.Status.DesiredReplicas == 0 && least > 0 { // no look of its controller has led to a number yet
			wants = "has not decided yet how many it wants"
		}
		fmt.Fprintf(text, "\nHorizontalPodAutoscaler %s keeps it between %d and %d replicas, and %s.\n\n",
			autoscaler.Name, least, autoscaler.Spec.MaxReplicas, wants)
		table := tabwriter.NewWriter(text, 0, 8, 3, ' ', 0)
		fmt.Fprintln(table, "METRIC\tNOW\tTARGET")
		for number, metric := range autoscaler.Spec.Metrics {
			name, target := metricTarget(metric)
			now := "not read yet"
			if number < len(autoscaler.Status.CurrentMetrics) {
				now = metricNow(autoscaler.Status.CurrentMetrics[number], now)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", name, now, target)
		}
		_ = table.Flush()
		fmt.Fprintln(text)
		for _, condition := range autoscaler.Status.Conditions {
			if condition.Type != "ScaledToZero" {
				fmt.Fprintf(text, "%s is %s, %s: %s.\n", condition.Type, condition.Status, condition.Reason, condition.Message)
			}
		}
		fmt.Fprintf(text, "Its controller looks every %.0f s, in real time; next in about %.0f s.\n",
			syncPeriod.Seconds(), nextSync(autoscaler, v.now).Seconds())
	}
}

func metricTarget(metric autoscalingv2.MetricSpec) (name, target string) {
	switch {
	case metric.Resource != nil:
		return string(metric.Resource.Name), targetText(metric.Resource.Target)
	case metric.ContainerResource != nil:
		return string(metric.ContainerResource.Name) + " of " + metric.ContainerResource.Container, targetText(metric.ContainerResource.Target)
	case metric.Pods != nil:
		return metric.Pods.Metric.Name, targetText(metric.Pods.Target)
	case metric.Object != nil:
		return metric.Object.Metric.Name, targetText(metric.Object.Target)
	case metric.External != nil:
		return metric.External.Metric.Name, targetText(metric.External.Target)
	}
	return string(metric.Type), ""
}

func targetText(target autoscalingv2.MetricTarget) string {
	switch {
	case target.AverageUtilization != nil:
		return fmt.Sprintf("%d%%", *target.AverageUtilization)
	case target.AverageValue != nil:
		return target.AverageValue.String() + " per Pod"
	case target.Value != nil:
		return target.Value.String()
	}
	return ""
}

// metricNow is the value that the HPA controller has read last. Where it could read none, the status has an entry without content.
func metricNow(metric autoscalingv2.MetricStatus, unread string) string {
	var value autoscalingv2.MetricValueStatus
	switch {
	case metric.Resource != nil:
		value = metric.Resource.Current
	case metric.ContainerResource != nil:
		value = metric.ContainerResource.Current
	case metric.Pods != nil:
		value = metric.Pods.Current
	case metric.Object != nil:
		value = metric.Object.Current
	case metric.External != nil:
		value = metric.External.Current
	}
	switch {
	case value.AverageUtilization != nil:
		return fmt.Sprintf("%d%%", *value.AverageUtilization)
	case value.AverageValue != nil:
		return value.AverageValue.String()
	case value.Value != nil:
		return value.Value.String()
	}
	return unread
}

// nextSync is about when the controller looks again: it does so each period, and it has written the status at one of these times.
func nextSync(autoscaler *autoscalingv2.HorizontalPodAutoscaler, now time.Time) time.Duration {
	last := autoscaler.CreationTimestamp.Time
	for _, entry := range autoscaler.ManagedFields {
		if entry.Subresource == "status" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return syncPeriod - max(0, now.Sub(last))%syncPeriod
}
