package metrics

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var app = types.NamespacedName{Namespace: "rag-engine", Name: "rag-engine-api"}

// owned says that every Pod with the label `app` is the Deployment's.
func owned(pod *corev1.Pod) (types.NamespacedName, bool) {
	name, found := pod.Labels["app"]
	return types.NamespacedName{Namespace: pod.Namespace, Name: name}, found
}

// newPod is a Pod of the course's Deployment, running and ready, but for what the changes make of it.
func newPod(name string, changes ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: app.Namespace, Labels: map[string]string{"app": app.Name}},
		Spec: corev1.PodSpec{NodeName: "practice-1", Containers: []corev1.Container{{
			Name:  "api",
			Ports: []corev1.ContainerPort{{ContainerPort: 8000}},
			Resources: corev1.ResourceRequirements{
				Requests: quantities("250m", "256Mi"),
				Limits:   quantities("500m", "512Mi"),
			},
		}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, change := range changes {
		change(pod)
	}
	for _, container := range longRunning(pod) {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
	return pod
}

func quantities(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
		if text != "" {
			list[name] = resource.MustParse(text)
		}
	}
	return list
}

func unready(pod *corev1.Pod) { pod.Status.Conditions[0].Status = corev1.ConditionFalse }

func terminating(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: time.Unix(0, 0)} }

func phase(phase corev1.PodPhase) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.Status.Phase = phase }
}

func resources(requests, limits corev1.ResourceList) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: requests, Limits: limits}
	}
}

func portless(pod *corev1.Pod) { pod.Spec.Containers[0].Ports = nil }

func several(count int) (pods []*corev1.Pod) {
	for number := range count {
		pods = append(pods, newPod(fmt.Sprintf("pod-%d", number)))
	}
	return pods
}

func TestUsageOfTheFirstPod(t *testing.T) {
	for _, test := range []struct {
		name     string
		pods     []*corev1.Pod
		rate     int64
		cpu      int64
		memory   int64
		requests int64
	}{
		{"idle", several(3), 0, 25, 103, 0},
		{"half as much again as requested", several(3), 150, 375, 109, 50_000},
		{"twice the Pods", several(6), 150, 200, 106, 25_000},
		{"as the HPA leaves it", several(7), 150, 174, 106, 21_428},
		{"throttled at the limit", several(1), 150, 500, 122, 150_000},
		{"memory ends at the limit", several(1), MostLoad, 500, 512, 100_000_000},
		{"no limits", []*corev1.Pod{newPod("a", resources(quantities("250m", "256Mi"), nil))}, 150, 1075, 122, 150_000},
		{"the Pod's limits", []*corev1.Pod{newPod("a", resources(quantities("250m", "256Mi"), nil), func(pod *corev1.Pod) {
			pod.Spec.Resources = &corev1.ResourceRequirements{Limits: quantities("300m", "110Mi")}
		})}, 150, 300, 110, 150_000},
		{"nothing requested", []*corev1.Pod{newPod("a", resources(nil, nil))}, 0, 5, 32, 0},
		{"a large request", []*corev1.Pod{newPod("a", resources(quantities("4", "1Gi"), nil))}, 0, 25, 410, 0},
		{"a tiny request", []*corev1.Pod{newPod("a", resources(quantities("5m", "1Mi"), nil))}, 0, 1, 1, 0},
		{"the unready one gets nothing", []*corev1.Pod{newPod("a", unready), newPod("b")}, 100, 25, 103, 0},
		{"and the others get its share", []*corev1.Pod{newPod("a"), newPod("b", unready), newPod("c", terminating)}, 50, 375, 109, 50_000},
		{"the one on its way out gets nothing", []*corev1.Pod{newPod("a", terminating), newPod("b")}, 100, 25, 103, 0},
		{"no port", []*corev1.Pod{newPod("a", portless)}, 100, 25, 103, 0},
		{"no Deployment", []*corev1.Pod{newPod("a", func(pod *corev1.Pod) { pod.Labels = nil })}, 100, 25, 103, 0},
		{"another namespace", []*corev1.Pod{newPod("a", func(pod *corev1.Pod) { pod.Namespace = "other" })}, 100, 25, 103, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			measured := Measure(test.pods, owned, Load{app: test.rate})
			if len(measured) != len(test.pods) {
				t.Fatalf("%d of %d Pods are measured", len(measured), len(test.pods))
			}
			first := measured[0]
			got := first.Containers[0]
			if got.MilliCPU != test.cpu || got.Memory != test.memory*mebibyte || first.MilliRequests != test.requests {
				t.Errorf("got %dm, %d MiB, %d requests; want %dm, %d MiB, %d requests",
					got.MilliCPU, got.Memory/mebibyte, first.MilliRequests, test.cpu, test.memory, test.requests)
			}
		})
	}
}

func TestPodsWithoutMetrics(t *testing.T) {
	crashed := newPod("crashed")
	crashed.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	for name, pod := range map[string]*corev1.Pod{
		"pending":   newPod("a", phase(corev1.PodPending)),
		"succeeded": newPod("a", phase(corev1.PodSucceeded)),
		"failed":    newPod("a", phase(corev1.PodFailed)),
		"crashed":   crashed,
	} {
		t.Run(name, func(t *testing.T) {
			if measured := Measure([]*corev1.Pod{pod}, owned, Load{app: 100}); len(measured) != 0 {
				t.Errorf("it has metrics: %+v", measured)
			}
		})
	}
}

func TestSidecarsAreMeasuredAndGetNoRequests(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := newPod("a", func(pod *corev1.Pod) {
		pod.Spec.Containers = append([]corev1.Container{{Name: "agent"}}, pod.Spec.Containers...)
		pod.Spec.InitContainers = []corev1.Container{{Name: "migrate"}, {Name: "proxy", RestartPolicy: &always}}
	})
	measured := Measure([]*corev1.Pod{pod}, owned, Load{app: 10})
	got := map[string]int64{}
	for _, container := range measured[0].Containers {
		got[container.Name] = container.MilliCPU
	}
	want := map[string]int64{"agent": 5, "api": 95, "proxy": 5}
	if fmt.Sprint(got) != fmt.Sprint(want) || measured[0].Serves != "api" {
		t.Errorf("got %v, served by %q; want %v", got, measured[0].Serves, want)
	}
}

func TestNodeUsage(t *testing.T) {
	elsewhere := newPod("c", func(pod *corev1.Pod) { pod.Spec.NodeName = "practice-2" })
	measured := Measure([]*corev1.Pod{newPod("a"), newPod("b"), elsewhere}, owned, nil)
	for _, test := range []struct {
		name        string
		node        string
		capacity    corev1.ResourceList
		cpu, memory int64
	}{
		{"its Pods and itself", "practice-1", quantities("8", "16Gi"), 80 + 50, 512 + 206},
		{"itself alone", "practice-3", quantities("8", "16Gi"), 80, 512},
		{"never more than it has", "practice-1", quantities("100m", "600Mi"), 100, 600},
		{"of unknown size", "practice-1", nil, 130, 718},
	} {
		t.Run(test.name, func(t *testing.T) {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: test.node}, Status: corev1.NodeStatus{Capacity: test.capacity}}
			if got := NodeUsage(node, measured); got.MilliCPU != test.cpu || got.Memory != test.memory*mebibyte {
				t.Errorf("got %dm, %d MiB; want %dm, %d MiB", got.MilliCPU, got.Memory/mebibyte, test.cpu, test.memory)
			}
		})
	}
}

// TestWhatAnHPAMakesOfIt follows the HPA's formula (see "Algorithm details" in the Kubernetes documentation) with the course's target of
// 70 % and the tolerance of a tenth: 150 requests per second want 7 replicas, at 3, at 6 and at 7.
func TestWhatAnHPAMakesOfIt(t *testing.T) {
	for _, replicas := range []int{3, 6, 7} {
		total := int64(0)
		for _, usage := range Measure(several(replicas), owned, Load{app: 150}) {
			total += usage.Containers[0].MilliCPU
		}
		utilization := total * 100 / int64(replicas*250)
		wanted := replicas
		if utilization < 63 || utilization > 77 {
			wanted = (replicas*int(utilization) + 69) / 70
		}
		if wanted != 7 {
			t.Errorf("%d replicas at %d%% want %d", replicas, utilization, wanted)
		}
	}
}
