// Package metrics plays what measures a cluster: it serves the resource metrics API as metrics-server does, and the custom metrics API as
// an adapter of a monitoring system does. No container runs here, so nothing is measured: usage is computed from what each Pod requests
// and from the load that the learner has put on its Deployment.
package metrics

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What a played container uses. One that requests 250m and 256Mi uses 25m and 103Mi when idle; at 50 requests per second it uses 375m,
// half as much again as it requests, and so an HPA that aims at 70 % has something to do.
const (
	idlePartOfCPU       = 10 // a tenth of the request,
	idleMostMilliCPU    = 25 // but a large request alone makes nobody busy
	idleMilliCPU        = 5  // where nothing is requested
	milliCPUPerRequest  = 7  // for each request per second
	idlePercentOfMemory = 40 // well below any sensible target: memory that is in use stays in use, load or not
	idleMemory          = 32 * mebibyte
	memoryPerRequest    = 128 * kibibyte
	kibibyte            = 1 << 10
	mebibyte            = 1 << 20
)

// What a node uses itself, for its kubelet, its container runtime and its operating system.
const (
	nodeMilliCPU = 80
	nodeMemory   = 512 * mebibyte
)

// Load is how many requests per second each Deployment gets in total.
type Load map[types.NamespacedName]int64

// Owner tells which Deployment a Pod belongs to, if any.
type Owner func(pod *corev1.Pod) (types.NamespacedName, bool)

// Usage is what a container or a node uses.
type Usage struct {
	MilliCPU int64
	Memory   int64
}

// ContainerUsage is what one running container uses.
type ContainerUsage struct {
	Name string
	Usage
}

// PodUsage is what one Pod uses, container by container, and the requests that it gets.
type PodUsage struct {
	Pod        *corev1.Pod
	Containers []ContainerUsage
	// MilliRequests are thousandths of a request per second.
	MilliRequests int64
	// Serves is the name of the container that gets the requests. It is empty where the Pod is not one of a Deployment, or opens no port.
	Serves string
}

// Measure tells what every Pod uses that has a running container; the others have no metrics, as with a kubelet. The load of a Deployment
// is shared evenly by those of its Pods that a Service would send requests to.
func Measure(pods []*corev1.Pod, owner Owner, load Load) []PodUsage {
	share := shares(pods, owner, load)
	var measured []PodUsage
	for _, pod := range pods {
		if usage, ok := measure(pod, owner, share); ok {
			measured = append(measured, usage)
		}
	}
	return measured
}

func measure(pod *corev1.Pod, owner Owner, share map[types.NamespacedName]int64) (PodUsage, bool) {
	usage := PodUsage{Pod: pod}
	deployment, owned := owner(pod)
	if owned {
		usage.Serves = serving(pod)
	}
	if usage.Serves != "" && receives(pod) {
		usage.MilliRequests = share[deployment]
	}
	running := running(pod)
	for _, container := range longRunning(pod) {
		if !running[container.Name] {
			continue
		}
		requests := int64(0)
		if container.Name == usage.Serves {
			requests = usage.MilliRequests
		}
		usage.Containers = append(usage.Containers, ContainerUsage{Name: container.Name, Usage: use(pod, container, requests)})
	}
	return usage, len(usage.Containers) > 0
}

// shares are the thousandths of a request per second that each Pod of a Deployment gets.
func shares(pods []*corev1.Pod, owner Owner, load Load) map[types.NamespacedName]int64 {
	receivers := map[types.NamespacedName]int64{}
	for _, pod := range pods {
		if deployment, owned := owner(pod); owned && load[deployment] > 0 && serving(pod) != "" && receives(pod) {
			receivers[deployment]++
		}
	}
	share := map[types.NamespacedName]int64{}
	for deployment, count := range receivers {
		share[deployment] = load[deployment] * 1000 / count
	}
	return share
}

// receives tells whether a Service would send requests to a Pod: it is ready, and not on its way out (see "Pod's conditions" and
// "Termination of Pods" in the Kubernetes documentation).
func receives(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning && isTrue(pod.Status.Conditions, corev1.PodReady)
}

func isTrue(conditions []corev1.PodCondition, kind corev1.PodConditionType) bool {
	for _, condition := range conditions {
		if condition.Type == kind {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// serving is the name of the container that takes the requests: the first that opens a port.
func serving(pod *corev1.Pod) string {
	for _, container := range pod.Spec.Containers {
		if len(container.Ports) > 0 {
			return container.Name
		}
	}
	return ""
}

// longRunning are the containers that stay for as long as their Pod: its own, and the init containers that are sidecars.
func longRunning(pod *corev1.Pod) []corev1.Container {
	containers := append([]corev1.Container{}, pod.Spec.Containers...)
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, container)
		}
	}
	return containers
}

func running(pod *corev1.Pod) map[string]bool {
	names := map[string]bool{}
	if pod.Status.Phase != corev1.PodRunning {
		return names
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			names[status.Name] = status.State.Running != nil
		}
	}
	return names
}

// use is what a container uses at a rate of requests. Its CPU time is capped at its limit, as the kernel throttles it there.
// Load alone never drives memory over a limit: being killed for lack of memory is another lesson.
func use(pod *corev1.Pod, container corev1.Container, milliRequests int64) Usage {
	usage := Usage{MilliCPU: idleMilliCPU, Memory: idleMemory}
	if request := container.Resources.Requests.Cpu().MilliValue(); request > 0 {
		usage.MilliCPU = max(1, min(request/idlePartOfCPU, idleMostMilliCPU))
	}
	if request := container.Resources.Requests.Memory().Value(); request > 0 {
		usage.Memory = request / 100 * idlePercentOfMemory
	}
	usage.MilliCPU += milliRequests * milliCPUPerRequest / 1000
	usage.Memory += milliRequests * memoryPerRequest / 1000
	usage.Memory = (usage.Memory + mebibyte - 1) / mebibyte * mebibyte
	if limit := limit(pod, container, corev1.ResourceCPU); limit > 0 {
		usage.MilliCPU = min(usage.MilliCPU, limit)
	}
	if limit := limit(pod, container, corev1.ResourceMemory); limit > 0 {
		usage.Memory = min(usage.Memory, limit/1000)
	}
	return usage
}

// limit is the limit of a container, or that of its Pod, in thousandths; 0 where there is none.
func limit(pod *corev1.Pod, container corev1.Container, name corev1.ResourceName) int64 {
	if quantity, ok := container.Resources.Limits[name]; ok {
		return quantity.MilliValue()
	}
	if pod.Spec.Resources != nil {
		if quantity, ok := pod.Spec.Resources.Limits[name]; ok {
			return quantity.MilliValue()
		}
	}
	return 0
}

// NodeUsage is what a node uses: itself and its Pods, and never more than it has.
func NodeUsage(node *corev1.Node, pods []PodUsage) Usage {
	usage := Usage{MilliCPU: nodeMilliCPU, Memory: nodeMemory}
	for _, pod := range pods {
		if pod.Pod.Spec.NodeName != node.Name {
			continue
		}
		for _, container := range pod.Containers {
			usage.MilliCPU += container.MilliCPU
			usage.Memory += container.Memory
		}
	}
	if capacity := node.Status.Capacity.Cpu().MilliValue(); capacity > 0 {
		usage.MilliCPU = min(usage.MilliCPU, capacity)
	}
	if capacity := node.Status.Capacity.Memory().Value(); capacity > 0 {
		usage.Memory = min(usage.Memory, capacity)
	}
	return usage
}

// isMeasured tells whether a node answers a scrape: one that is not Ready has no metrics.
func isMeasured(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
