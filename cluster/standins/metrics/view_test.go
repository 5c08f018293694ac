package metrics

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	resourcemetrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func percent(value int32) *int32 { return &value }

// loaded is a view of two of the course's Pods at 100 requests per second.
func loaded() *View {
	view := &View{target: app, rate: 100, replicas: 2, ready: 2}
	for _, usage := range Measure(several(2), owned, Load{app: 100}) {
		view.pods = append(view.pods, *usage.Pod)
		view.usage = append(view.usage, resourcemetrics.PodMetrics{
			ObjectMeta: usage.Pod.ObjectMeta,
			Containers: []resourcemetrics.ContainerMetrics{{Name: "api", Usage: usage.Containers[0].list()}},
		})
		view.requests = append(view.requests, custommetrics.MetricValue{Value: *resource.NewMilliQuantity(usage.MilliRequests, resource.DecimalSI)})
	}
	hundred := resource.MustParse("100")
	view.autoscalers = []autoscalingv2.HorizontalPodAutoscaler{{
		ObjectMeta: metav1.ObjectMeta{Name: "rag-engine-api-hpa"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 20, Metrics: []autoscalingv2.MetricSpec{
			{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{AverageUtilization: percent(70)}}},
			{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
				Metric: autoscalingv2.MetricIdentifier{Name: requestsPerSecond}, Target: autoscalingv2.MetricTarget{AverageValue: &hundred}}},
		}},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{DesiredReplicas: 4,
			CurrentMetrics: []autoscalingv2.MetricStatus{
				{Resource: &autoscalingv2.ResourceMetricStatus{Current: autoscalingv2.MetricValueStatus{AverageUtilization: percent(150)}}},
				{Type: ""},
			},
			Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
				{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue, Reason: "ReadyForNewScale", Message: "recommended size matches current size"},
				{Type: "ScaledToZero", Status: corev1.ConditionFalse, Reason: "NotScaledToZero", Message: "not asked"},
			}},
	}}
	return view
}

func TestWhatIsShown(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*View)
		has    []string
		lacks  string
	}{
		{"load and HPA", func(*View) {}, []string{
			"gets 100 requests per second. They are played: none is really sent.",
			"2          2       50                   375m (150% of 250m requested)   109Mi (42% of 256Mi requested)",
			"between 1 and 20 replicas, and wants 4 now",
			"cpu                   150%           70%",
			"requests_per_second   not read yet   100 per Pod",
			"AbleToScale is True, ReadyForNewScale: recommended size matches current size.",
			"every 15 s",
		}, "ScaledToZero"},
		{"no decision yet", func(view *View) { view.autoscalers[0].Status.DesiredReplicas = 0 }, []string{"has not decided yet how many it wants"}, "wants 0"},
		{"no load", func(view *View) { view.rate, view.requests = 0, nil }, []string{"has no load", "practice-cluster load 150"}, "opens a port"},
		{"no HPA", func(view *View) { view.autoscalers = nil }, []string{"No HorizontalPodAutoscaler scales it"}, "every 15 s"},
		{"no Pod is ready", func(view *View) { view.ready, view.requests = 0, nil }, []string{"No Pod of it is ready"}, "opens a port"},
		{"no port", func(view *View) { view.requests = nil }, []string{"opens a port (containerPort)"}, "No Pod of it"},
		{"no metrics yet", func(view *View) { view.usage = nil }, []string{"2          2       50                   -             -"}, "requested"},
		{"nothing requested", func(view *View) { view.pods = nil }, []string{"375m          109Mi"}, "requested"},
	} {
		t.Run(test.name, func(t *testing.T) {
			view := loaded()
			test.change(view)
			text := view.String()
			for _, words := range test.has {
				if !strings.Contains(text, words) {
					t.Errorf("it does not say %q:\n%s", words, text)
				}
			}
			if test.lacks != "" && strings.Contains(text, test.lacks) {
				t.Errorf("it says %q:\n%s", test.lacks, text)
			}
		})
	}
}

func TestFollows(t *testing.T) {
	for _, test := range []struct {
		name string
		rate int64
		want bool
	}{{"the load that is reported", 100, true}, {"a load that is new", 150, false}, {"none any more", 0, false}} {
		t.Run(test.name, func(t *testing.T) {
			view := loaded()
			view.rate = test.rate
			if got := view.Follows(); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestNextSync(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	written := func(at time.Time, subresource string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Subresource: subresource, Time: &metav1.Time{Time: at}}
	}
	for _, test := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		now     time.Time
		want    time.Duration
	}{
		{"just created", nil, noon.Add(4 * time.Second), 11 * time.Second},
		{"status written once", []metav1.ManagedFieldsEntry{written(noon.Add(10*time.Second), "status")}, noon.Add(12 * time.Second), 13 * time.Second},
		{"long quiet", []metav1.ManagedFieldsEntry{written(noon, "status")}, noon.Add(10*time.Minute + time.Second), 14 * time.Second},
		{"the learner's writing does not count", []metav1.ManagedFieldsEntry{written(noon.Add(7*time.Second), "")}, noon.Add(8 * time.Second), 7 * time.Second},
		{"a clock behind", nil, noon.Add(-time.Second), 15 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			autoscaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{
				CreationTimestamp: metav1.Time{Time: noon}, ManagedFields: test.entries,
			}}
			if got := nextSync(autoscaler, test.now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestSetLoad(t *testing.T) {
	ctx := context.Background()
	client := fake.NewClientset(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name}})
	absent := app
	absent.Name = "absent"
	for _, step := range []struct {
		name string
		set  func() error
		want Load
		fail bool
	}{
		{"off before anything", func() error { return SetLoad(ctx, client, app, 0) }, Load{}, false},
		{"on", func() error { return SetLoad(ctx, client, app, 150) }, Load{app: 150}, false},
		{"more", func() error { return SetLoad(ctx, client, app, 200) }, Load{app: 200}, false},
		{"on nothing", func() error { return SetLoad(ctx, client, absent, 5) }, Load{app: 200}, true},
		{"off nothing", func() error { return SetLoad(ctx, client, absent, 0) }, Load{app: 200}, false},
		{"off", func() error { return SetLoad(ctx, client, app, 0) }, Load{}, false},
	} {
		if err := step.set(); (err != nil) != step.fail {
			t.Fatalf("%s: %v", step.name, err)
		}
		config, err := client.CoreV1().ConfigMaps(LoadNamespace).Get(ctx, LoadName, metav1.GetOptions{})
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := LoadFrom(config); len(got) != len(step.want) || got[app] != step.want[app] {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
}
