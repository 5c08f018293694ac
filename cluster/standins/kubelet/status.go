package kubelet

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// phaseNow is the Pod's phase, from what its containers do.
// (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase)
func (m *Memory) phaseNow(pod *corev1.Pod) corev1.PodPhase {
	if m.stopping {
		return m.phaseWhileStopping()
	}
	if m.initHasFailed(pod) {
		if m.anyRunning() {
			return corev1.PodPending
		}
		return corev1.PodFailed
	}
	running, succeeded, ended, all := 0, 0, 0, 0
	for _, c := range m.containers {
		if c.role == roleSidecar && c.state.Running != nil && m.workIsDone(pod) {
			running++ // still to be stopped
		}
		if c.role != roleMain {
			continue
		}
		all++
		switch {
		case c.id == "":
			return corev1.PodPending
		case c.state.Terminated != nil && !c.restartable(pod):
			ended++
			if c.state.Terminated.ExitCode == 0 {
				succeeded++
			}
		default:
			running++
		}
	}
	switch {
	case running > 0 || ended < all:
		return corev1.PodRunning
	case succeeded == all:
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}

// phaseWhileStopping keeps the phase until all has stopped; then how the containers ended decides, or the deadline.
func (m *Memory) phaseWhileStopping() corev1.PodPhase {
	if m.anyRunning() {
		return m.phase
	}
	if m.reason != "" {
		return corev1.PodFailed
	}
	for _, c := range m.containers {
		if c.role == roleMain && (c.state.Terminated == nil || c.state.Terminated.ExitCode != 0) {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}

// status is what the kubelet reports. What others wrote, such as the scheduler's condition and readiness gates, stays.
func (m *Memory) status(pod *corev1.Pod) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.Phase, status.Reason, status.Message = m.phase, m.reason, m.message
	status.ObservedGeneration = pod.Generation
	status.HostIP = m.addresses.host
	status.HostIPs = []corev1.HostIP{{IP: m.addresses.host}}
	if !m.sandboxAt.IsZero() && !m.now.Before(m.sandboxAt) {
		status.PodIP = m.addresses.pod
		status.PodIPs = []corev1.PodIP{{IP: m.addresses.pod}}
	}
	if status.StartTime == nil {
		status.StartTime = &metav1.Time{Time: m.since}
	}
	status.InitContainerStatuses, status.ContainerStatuses, status.EphemeralContainerStatuses = nil, nil, nil
	for _, c := range m.all() {
		if c.state == (corev1.ContainerState{}) {
			m.waitToStart(c)
		}
		switch c.role {
		case roleInit, roleSidecar:
			one := c.status(pod)
			if c.role == roleInit {
				started := c.state.Running != nil
				one.Started = &started
			}
			status.InitContainerStatuses = append(status.InitContainerStatuses, one)
		case roleMain:
			status.ContainerStatuses = append(status.ContainerStatuses, c.status(pod))
		case roleDebug:
			status.EphemeralContainerStatuses = append(status.EphemeralContainerStatuses, c.status(pod))
		}
	}
	for _, condition := range m.conditions(pod) {
		setCondition(&status, condition, pod.Generation, metav1.NewTime(m.now))
	}
	return status
}

// conditions are the four that are the kubelet's, with its reasons and messages.
func (m *Memory) conditions(pod *corev1.Pod) []corev1.PodCondition {
	sandbox := corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue}
	if m.sandboxAt.IsZero() || m.now.Before(m.sandboxAt) || (finished(m.phase) || m.stopping) && !m.anyRunning() {
		sandbox.Status = corev1.ConditionFalse
	}
	initialised := m.condition(corev1.PodInitialized, "ContainersNotInitialized", "incomplete", func(c *container) bool {
		switch c.role {
		case roleInit:
			return c.ready || m.mainHasStarted()
		case roleSidecar:
			return c.started || m.mainHasStarted()
		}
		return true
	})
	if m.phase == corev1.PodSucceeded {
		initialised.Reason = "PodCompleted"
	}
	containers := m.condition(corev1.ContainersReady, "ContainersNotReady", "unready", func(c *container) bool {
		return c.role == roleInit || c.ready
	})
	switch m.phase {
	case corev1.PodSucceeded:
		containers = corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "PodCompleted"}
	case corev1.PodFailed:
		containers = corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "PodFailed"}
	}
	ready := containers
	ready.Type = corev1.PodReady
	if gates := closedGates(pod); containers.Status == corev1.ConditionTrue && len(gates) > 0 {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionFalse, "ReadinessGatesNotReady", strings.Join(gates, ", ")
	}
	return []corev1.PodCondition{sandbox, initialised, ready, containers}
}

// condition holds when every container fulfils it; else its message names those that do not.
func (m *Memory) condition(kind corev1.PodConditionType, reason, adjective string, fulfils func(*container) bool) corev1.PodCondition {
	var lacking []string
	for _, c := range m.containers {
		if !fulfils(c) {
			lacking = append(lacking, c.spec.Name)
		}
	}
	if len(lacking) == 0 {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
	}
	return corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: fmt.Sprintf("containers with %s status: %s", adjective, lacking),
	}
}

// closedGates are the readiness gates that keep a Pod from being Ready.
func closedGates(pod *corev1.Pod) []string {
	var closed []string
	for _, gate := range pod.Spec.ReadinessGates {
		found := conditionOf(&pod.Status, gate.ConditionType)
		switch {
		case found == nil:
			closed = append(closed, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", string(gate.ConditionType)))
		case found.Status != corev1.ConditionTrue:
			closed = append(closed, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", string(gate.ConditionType), found.Status))
		}
	}
	return closed
}

func conditionOf(status *corev1.PodStatus, kind corev1.PodConditionType) *corev1.PodCondition {
	for index := range status.Conditions {
		if status.Conditions[index].Type == kind {
			return &status.Conditions[index]
		}
	}
	return nil
}

func setCondition(status *corev1.PodStatus, condition corev1.PodCondition, generation int64, now metav1.Time) {
	condition.ObservedGeneration = generation
	condition.LastTransitionTime = now
	old := conditionOf(status, condition.Type)
	if old == nil {
		status.Conditions = append(status.Conditions, condition)
		return
	}
	if old.Status == condition.Status {
		condition.LastTransitionTime = old.LastTransitionTime
	}
	*old = condition
}
