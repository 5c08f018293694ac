package kubelet

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// World is what a kubelet knows beside the Pod.
type World interface {
	Objects
	Find(image string) (Image, error)
	Present(node, image string) bool // whether the node has pulled it already
}

type podAddresses struct{ pod, host string }

// Event is one that the kubelet reports; a container's name makes it an event about that container.
type Event struct {
	Container *container
	Type      string
	Reason    string
	Message   string
}

// Outcome of one look at a Pod.
type Outcome struct {
	Status  corev1.PodStatus
	Events  []Event
	Pulled  []string  // images that the node has from now on
	Waiting bool      // for objects: look again when one of the namespace changes
	Next    time.Time // look again then; zero: only when the Pod changes
	Gone    bool      // all has stopped: the Pod can be deleted
}

// Memory is what a kubelet keeps of one Pod between looks.
type Memory struct {
	mutex      sync.Mutex // held while something happens, or is read
	uid        types.UID
	addresses  podAddresses
	since      time.Time // the kubelet's first look
	mounted    bool
	mounting   map[string]backoff
	sandboxAt  time.Time
	containers []*container // init containers in their order, then the others
	debug      []*container
	phase      corev1.PodPhase
	reason     string
	message    string
	stopping   bool
	out        *Outcome
	now        time.Time
	changed    chan struct{} // closed at the next look, for those who follow a log
}

// NewMemory remembers a Pod from its status: after a restart of its own, a kubelet finds the containers running that it left running.
func NewMemory(pod *corev1.Pod, world World, addresses podAddresses, now time.Time) *Memory {
	m := &Memory{uid: pod.UID, addresses: addresses, since: now, mounting: map[string]backoff{}, phase: corev1.PodPending}
	if pod.Status.StartTime != nil {
		m.since = pod.Status.StartTime.Time
	}
	m.adopt(pod)
	statuses := map[string]corev1.ContainerStatus{}
	for _, list := range [][]corev1.ContainerStatus{
		pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses,
	} {
		for _, status := range list {
			statuses[status.Name] = status
		}
	}
	for _, c := range m.all() {
		if status, ok := statuses[c.spec.Name]; ok {
			m.resume(pod, c, status, world, now)
		}
	}
	if pod.Status.Phase != "" {
		m.phase, m.reason, m.message = pod.Status.Phase, pod.Status.Reason, pod.Status.Message
	}
	return m
}

func (m *Memory) resume(pod *corev1.Pod, c *container, status corev1.ContainerStatus, world World, now time.Time) {
	c.state, c.last, c.restarts, c.id = status.State, status.LastTerminationState, status.RestartCount, status.ContainerID
	if c.id == "" {
		return
	}
	m.mounted, m.sandboxAt = true, m.since
	c.ready, c.started = status.Ready, isTrue(status.Started)
	for range c.restarts {
		c.crash.grow(now, now)
	}
	image, err := world.Find(status.Image)
	if err != nil { // it was on the list once
		image = Image{Reference: status.Image}
	}
	started := now
	for _, at := range []corev1.ContainerState{c.last, c.state} {
		if at.Terminated != nil {
			started = at.Terminated.StartedAt.Time
		} else if at.Running != nil {
			started = at.Running.StartedAt.Time
		}
	}
	env, err := environment(pod, c.spec, world, m.addresses)
	if err != nil { // the container has its variables since it started
		env = map[string]string{}
	}
	c.run(pod, image, env, files(pod, c.spec, world), started)
	if c.state.Running == nil {
		if ended := cmp.Or(c.state.Terminated, c.last.Terminated); ended != nil {
			c.previous, _ = c.written(ended.FinishedAt.Time)
		}
		return
	}
	if err != nil || c.started && c.program.reason != "" { // what ran before keeps running
		c.program = program{app: true}
	}
	c.beginProbes(now)
	if c.ready {
		c.readiness.next = time.Time{}
	}
}

// adopt makes a container of ours for each of the spec; a debugging one may come later.
func (m *Memory) adopt(pod *corev1.Pod) {
	fresh := len(m.containers) == 0
	index := 0
	adopt := func(spec *corev1.Container, as role) {
		if fresh {
			m.containers = append(m.containers, &container{role: as, spec: spec})
		} else {
			m.containers[index].spec = spec // image and resources of a running Pod may change
		}
		index++
	}
	for number := range pod.Spec.InitContainers {
		spec := &pod.Spec.InitContainers[number]
		if spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			adopt(spec, roleSidecar)
		} else {
			adopt(spec, roleInit)
		}
	}
	for number := range pod.Spec.Containers {
		adopt(&pod.Spec.Containers[number], roleMain)
	}
	for number := range pod.Spec.EphemeralContainers {
		if number >= len(m.debug) {
			spec := corev1.Container(pod.Spec.EphemeralContainers[number].EphemeralContainerCommon)
			m.debug = append(m.debug, &container{role: roleDebug, spec: &spec})
		}
	}
}

func (m *Memory) all() []*container {
	return append(append([]*container(nil), m.containers...), m.debug...)
}

// Step looks at a Pod at a moment: it lets happen what is due, and tells what the Pod's status is now.
func (m *Memory) Step(pod *corev1.Pod, world World, now time.Time) Outcome {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.out, m.now = &Outcome{}, now
	m.adopt(pod)
	switch {
	case finished(m.phase):
	case pod.DeletionTimestamp != nil:
		m.stopAll(deletionGrace(pod))
	case m.pastDeadline(pod):
		m.reason, m.message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
		m.event(nil, corev1.EventTypeNormal, "DeadlineExceeded", m.message)
		m.stopAll(podGrace(pod))
	}
	if !finished(m.phase) {
		m.advance(pod, world)
		m.phase = m.phaseNow(pod)
	}
	m.out.Status = m.status(pod)
	m.out.Gone = pod.DeletionTimestamp != nil && !m.anyRunning()
	m.tellFollowers()
	return *m.out
}

func (m *Memory) tellFollowers() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// end is for a Pod that is gone all of a sudden, as when it is deleted by force: nothing of it runs any more.
func (m *Memory) end(now time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, c := range m.all() {
		if c.state.Running != nil {
			c.terminate(now, 137, "", "")
		}
	}
	m.tellFollowers()
}

func finished(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

func (m *Memory) pastDeadline(pod *corev1.Pod) bool {
	if pod.Spec.ActiveDeadlineSeconds == nil || m.stopping {
		return false
	}
	deadline := m.since.Add(time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second)
	if m.now.Before(deadline) {
		m.lookAt(deadline)
		return false
	}
	return true
}

func deletionGrace(pod *corev1.Pod) time.Duration {
	if pod.DeletionGracePeriodSeconds != nil {
		return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	}
	return podGrace(pod)
}

func podGrace(pod *corev1.Pod) time.Duration {
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		return time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second
	}
	return 30 * time.Second
}

// advance lets the containers go on, one after the other, as far as the moment allows.
func (m *Memory) advance(pod *corev1.Pod, world World) {
	ready := !m.stopping && m.prepare(pod, world)
	initialised := true
	for _, c := range m.containers {
		mayStart := ready && initialised
		if c.role == roleInit && m.mainHasStarted() {
			mayStart = false // init containers run once
		}
		m.advanceOne(pod, c, world, mayStart)
		switch {
		case m.mainHasStarted():
		case c.role == roleInit:
			initialised = initialised && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
		case c.role == roleSidecar:
			initialised = initialised && c.started
		}
	}
	for _, c := range m.debug {
		m.advanceOne(pod, c, world, m.mounted && !m.stopping)
	}
	if !m.stopping && m.workIsDone(pod) {
		for _, c := range m.containers {
			if c.role == roleSidecar && c.state.Running != nil && c.dying == nil {
				m.kill(c, podGrace(pod), "Stopping container "+c.spec.Name)
			}
		}
	}
}

// prepare mounts the volumes and makes the Pod's sandbox, its network.
func (m *Memory) prepare(pod *corev1.Pod, world World) bool {
	if !m.mounted && !m.mount(pod, world) {
		return false
	}
	if m.sandboxAt.IsZero() {
		m.sandboxAt = m.now.Add(sandboxTakes)
	}
	return m.due(m.sandboxAt)
}

// mount retries each volume that cannot be mounted, ever more slowly: half a second, doubled up to two minutes.
func (m *Memory) mount(pod *corev1.Pod, world World) bool {
	problems := unmountable(pod, world)
	for _, problem := range problems {
		wait, known := m.mounting[problem.volume]
		if !known || wait.message != problem.message || !m.now.Before(wait.updated.Add(wait.delay)) {
			m.event(nil, corev1.EventTypeWarning, "FailedMount", problem.message)
			wait = backoff{delay: min(max(2*wait.delay, 500*time.Millisecond), 122*time.Second), updated: m.now, message: problem.message}
			m.mounting[problem.volume] = wait
		}
		m.lookAt(wait.updated.Add(wait.delay))
		m.out.Waiting = true
	}
	m.mounted = len(problems) == 0
	return m.mounted
}

func (m *Memory) mainHasStarted() bool {
	for _, c := range m.containers {
		if c.role == roleMain && c.id != "" {
			return true
		}
	}
	return false
}

// workIsDone tells whether the main containers have ended for good, or will never begin, so that sidecars may go.
func (m *Memory) workIsDone(pod *corev1.Pod) bool {
	if m.initHasFailed(pod) {
		return true
	}
	for _, c := range m.containers {
		if c.role == roleMain && (c.state.Terminated == nil || c.restartable(pod)) {
			return false
		}
	}
	return true
}

func (m *Memory) initHasFailed(pod *corev1.Pod) bool {
	for _, c := range m.containers {
		if c.role == roleInit && c.state.Terminated != nil && c.state.Terminated.ExitCode != 0 && !c.restartable(pod) {
			return true
		}
	}
	return false
}

func (m *Memory) anyRunning() bool {
	for _, c := range m.all() {
		if c.state.Running != nil {
			return true
		}
	}
	return false
}

// advanceOne moves one container on: what runs may end, what has ended may be started again, what waits may start.
func (m *Memory) advanceOne(pod *corev1.Pod, c *container, world World, mayStart bool) {
	if c.state.Running != nil {
		m.watch(pod, c)
	}
	retired := m.stopping || c.role == roleSidecar && m.workIsDone(pod)
	again := false
	if ended := c.state.Terminated; ended != nil && !retired && c.restartable(pod) {
		again = m.due(ended.FinishedAt.Add(noticed))
	}
	if c.state.Running == nil && (c.state.Terminated == nil || again) && mayStart {
		m.tryToStart(pod, c, world)
		if ended := c.state.Terminated; ended != nil && ended.FinishedAt.Add(noticed).After(m.now) { // at once: its program had nothing to do
			m.lookAt(ended.FinishedAt.Add(noticed))
		}
	}
}

// watch follows a running container: its program may end, its probes may kill it.
func (m *Memory) watch(pod *corev1.Pod, c *container) {
	if at, ends := c.ends(); ends && m.due(at) && (c.dying == nil || at.Before(c.dying.at)) {
		c.terminate(at, c.program.code, c.program.killed, c.program.reason)
		return
	}
	if c.dying != nil {
		if m.due(c.dying.at) {
			c.terminate(c.dying.at, c.dying.code, "", "")
		}
		return
	}
	if c.created != c.spec.Image && !m.stopping {
		m.kill(c, podGrace(pod), fmt.Sprintf("Container %s definition changed, will be restarted", c.spec.Name))
		return
	}
	m.probe(pod, c)
}

// probe makes the probes that are due. Liveness and readiness wait for the startup probe.
func (m *Memory) probe(pod *corev1.Pod, c *container) {
	if !c.started {
		switch m.ask(pod, c, c.spec.StartupProbe, &c.startup, "Startup") {
		case passed:
			c.started = true
			c.startup.next = time.Time{}
			c.beginProbes(m.now)
		case failed:
			m.killUnhealthy(pod, c, c.spec.StartupProbe, "startup")
			return
		case undecided:
			return
		}
	}
	switch m.ask(pod, c, c.spec.ReadinessProbe, &c.readiness, "Readiness") {
	case passed:
		c.ready = true
		c.readiness.settle(c, c.spec.ReadinessProbe) // a played app that is ready stays so
	case failed:
		c.ready = false
	}
	switch m.ask(pod, c, c.spec.LivenessProbe, &c.liveness, "Liveness") {
	case passed:
		c.liveness.settle(c, c.spec.LivenessProbe)
	case failed:
		m.killUnhealthy(pod, c, c.spec.LivenessProbe, "liveness")
	}
}

// beginProbes sets when the first probes of a run are due.
func (c *container) beginProbes(now time.Time) {
	first := func(probe *corev1.Probe) time.Time {
		if probe == nil {
			return time.Time{}
		}
		if at := c.startedAt.Add(time.Duration(probe.InitialDelaySeconds) * time.Second); at.After(now) {
			return at
		}
		return now
	}
	if !c.started && c.spec.StartupProbe != nil {
		c.startup = probing{next: first(c.spec.StartupProbe)}
		return
	}
	c.started = true
	c.liveness = probing{next: first(c.spec.LivenessProbe)}
	c.readiness = probing{next: first(c.spec.ReadinessProbe)}
	c.ready = c.ready || c.spec.ReadinessProbe == nil && c.role != roleInit
}

func (m *Memory) ask(pod *corev1.Pod, c *container, probe *corev1.Probe, state *probing, name string) verdict {
	if probe == nil || state.next.IsZero() || !m.due(state.next) {
		return undecided
	}
	got := ask(probe, name == "Readiness", c.spec, c, m.addresses.pod, m.now)
	outcome := state.count(got.healthy, probe, m.now)
	switch {
	case got.errored:
		m.event(c, corev1.EventTypeWarning, "Unhealthy", fmt.Sprintf("%s probe errored and resulted in unknown state: %s", name, got.output))
	case !got.healthy:
		m.event(c, corev1.EventTypeWarning, "Unhealthy", fmt.Sprintf("%s probe failed: %s", name, got.output))
	}
	if outcome != passed || c.changesFor(probe) {
		m.lookAt(state.next)
	}
	return outcome
}

func (m *Memory) killUnhealthy(pod *corev1.Pod, c *container, probe *corev1.Probe, name string) {
	grace := podGrace(pod)
	if probe.TerminationGracePeriodSeconds != nil {
		grace = time.Duration(*probe.TerminationGracePeriodSeconds) * time.Second
	}
	message := fmt.Sprintf("Container %s failed %s probe", c.spec.Name, name)
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever || c.role == roleSidecar {
		message += ", will be restarted"
	}
	m.kill(c, grace, message)
}

// kill stops a container and says why.
func (m *Memory) kill(c *container, grace time.Duration, message string) {
	if c.dying == nil {
		m.event(c, corev1.EventTypeNormal, "Killing", message)
	}
	c.stop(m.now, grace)
	if c.dying.at.After(m.now) {
		m.lookAt(c.dying.at)
	}
}

// stopAll stops what runs; nothing is started any more.
func (m *Memory) stopAll(grace time.Duration) {
	m.stopping = true
	for _, c := range m.all() {
		if c.state.Running != nil {
			m.kill(c, grace, "Stopping container "+c.spec.Name)
		}
	}
}

// tryToStart does what precedes a container's run: crash back-off, the image, its configuration. What is missing leaves it waiting.
func (m *Memory) tryToStart(pod *corev1.Pod, c *container, world World) {
	if m.inCrashBackoff(pod, c) {
		return
	}
	image, ok := m.ensureImage(pod, c, world)
	if !ok {
		return
	}
	env, err := environment(pod, c.spec, world, m.addresses)
	if err == nil {
		err = nonRootProblem(pod, c.spec, image)
	}
	if err != nil {
		m.out.Waiting = true
		m.waitWith(c, "CreateContainerConfigError", err.Error(), corev1.EventTypeWarning, "Failed", "Error: "+err.Error())
		return
	}
	if c.id != "" {
		c.restarts++
	}
	c.id = newID(pod, c.spec.Name, c.restarts)
	m.event(c, corev1.EventTypeNormal, "Created", "Container created")
	m.event(c, corev1.EventTypeNormal, "Started", "Container started")
	c.become(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	c.released = false
	c.run(pod, image, env, files(pod, c.spec, world), m.now)
	c.state.Running.StartedAt.Time = m.now
	c.started, c.ready, c.reminded = false, false, time.Time{}
	c.beginProbes(m.now)
	m.watch(pod, c)
}

// inCrashBackoff tells whether a container that has run must wait before it may run again. The first restart comes at once.
func (m *Memory) inCrashBackoff(pod *corev1.Pod, c *container) bool {
	ended := c.state.Terminated
	if ended == nil {
		ended = c.last.Terminated
	}
	if ended == nil || c.released {
		return false
	}
	if c.created != c.spec.Image || ended.FinishedAt.Sub(c.crash.updated) > forgetBackoff {
		c.crash = backoff{} // another container, as it were, or a good one
	}
	if c.crash.delay > 0 && !m.due(ended.FinishedAt.Add(c.crash.delay)) {
		m.waitWith(c, "CrashLoopBackOff",
			fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", c.crash.delay, c.spec.Name, fullName(pod)),
			corev1.EventTypeWarning, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", c.spec.Name, fullName(pod)))
		return true
	}
	c.crash.grow(m.now, ended.FinishedAt.Time)
	c.released = true
	return false
}

func fullName(pod *corev1.Pod) string {
	return fmt.Sprintf("%s_%s(%s)", pod.Name, pod.Namespace, pod.UID)
}

// ensureImage has the image on the node, or the container waits for it.
func (m *Memory) ensureImage(pod *corev1.Pod, c *container, world World) (Image, bool) {
	name := c.spec.Image
	image, err := world.Find(name)
	var invalid *InvalidNameError
	if errors.As(err, &invalid) {
		message := fmt.Sprintf("Failed to apply default image tag %q: %v", name, err)
		if m.waitWith(c, "InvalidImageName", message, corev1.EventTypeWarning, "InspectFailed", message) {
			m.event(c, corev1.EventTypeWarning, "Failed", "Error: InvalidImageName")
		}
		return image, false
	}
	policy := c.spec.ImagePullPolicy
	present := err == nil && (policy == corev1.PullNever || world.Present(pod.Spec.NodeName, image.Reference))
	if !c.pulledAt.IsZero() {
		present = false
	}
	switch {
	case present && policy != corev1.PullAlways:
		if c.state.Waiting == nil || c.state.Waiting.Reason != "CreateContainerConfigError" || m.now.Sub(c.reminded) >= reminder {
			m.event(c, corev1.EventTypeNormal, "Pulled", fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", name))
		}
		return image, true
	case policy == corev1.PullNever:
		message := fmt.Sprintf("Container image %q is not present with pull policy of Never", name)
		if m.waitWith(c, "ErrImageNeverPull", message, corev1.EventTypeWarning, "ErrImageNeverPull", message) {
			m.event(c, corev1.EventTypeWarning, "Failed", "Error: ErrImageNeverPull")
		}
		return image, false
	case c.state.Waiting != nil && c.state.Waiting.Reason == "CreateContainerConfigError" && err == nil:
		return image, true // pulled a moment ago
	}
	return image, m.pull(c, image, err, present)
}

// pull plays a pull: it takes a moment, and succeeds or fails as the list has it.
func (m *Memory) pull(c *container, image Image, problem error, present bool) bool {
	name := c.spec.Image
	if c.pull.delay > 0 && c.pull.message != "" && c.created == name {
		if !m.due(c.pull.updated.Add(pullNoticed)) {
			return false
		}
		if !m.due(c.pull.updated.Add(c.pull.delay)) {
			backingOff := fmt.Sprintf("Back-off pulling image %q", name)
			if m.waitWith(c, "ImagePullBackOff", backingOff+": ErrImagePull: "+c.pull.message, corev1.EventTypeNormal, "BackOff", backingOff) {
				m.event(c, corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
			}
			return false
		}
	}
	if c.pulledAt.IsZero() {
		m.event(c, corev1.EventTypeNormal, "Pulling", fmt.Sprintf("Pulling image %q", name))
		takes := pullTakes
		if present { // only the registry is asked whether it is still the same
			takes /= 10
		}
		c.pullTakes = takes
		c.pulledAt, c.reminded = m.now.Add(takes), time.Time{}
		c.pull.message = ""
		if c.created != name {
			c.pull = backoff{}
		}
	}
	if !m.due(c.pulledAt) {
		return false
	}
	c.pulledAt = time.Time{}
	if problem == nil {
		c.pull = backoff{}
		m.out.Pulled = append(m.out.Pulled, image.Reference)
		m.event(c, corev1.EventTypeNormal, "Pulled", fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			name, c.pullTakes, c.pullTakes, image.Size()))
		return true
	}
	c.created = name
	c.pull.grow(m.now, m.now)
	c.pull.message = pullFailure(name, problem)
	m.event(c, corev1.EventTypeWarning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", name, c.pull.message))
	m.event(c, corev1.EventTypeWarning, "Failed", "Error: ErrImagePull")
	c.wait("ErrImagePull", c.pull.message)
	m.lookAt(m.now.Add(pullNoticed))
	return false
}

// pullFailure is how containerd reports an image that no registry has, followed by what that means here.
func pullFailure(name string, problem error) string {
	full := name
	if parsed, err := parse(name); err == nil {
		full = parsed.String()
	}
	return fmt.Sprintf("rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found (%v)",
		full, full, full, problem)
}

// waitToStart is the state of a container before its first attempt.
func (m *Memory) waitToStart(c *container) {
	reason := "ContainerCreating"
	for _, other := range m.containers {
		if other.role == roleInit || other.role == roleSidecar {
			reason = "PodInitializing"
		}
	}
	c.wait(reason, "")
}

// waitWith leaves a container waiting, and reports it: when it begins, when its message changes, and now and then. It tells whether it did.
func (m *Memory) waitWith(c *container, reason, message, eventType, eventReason, eventMessage string) bool {
	before := c.state.Waiting
	c.wait(reason, message)
	again := before == nil || before.Reason != reason || before.Message != message || !m.now.Before(c.reminded.Add(reminder))
	if again {
		m.event(c, eventType, eventReason, eventMessage)
		c.reminded = m.now
	}
	m.lookAt(c.reminded.Add(reminder))
	return again
}

// nonRootProblem refuses to run as root what must not be, as the kubelet does just before it creates a container.
func nonRootProblem(pod *corev1.Pod, spec *corev1.Container, image Image) error {
	var nonRoot *bool
	var user *int64
	if context := pod.Spec.SecurityContext; context != nil {
		nonRoot, user = context.RunAsNonRoot, context.RunAsUser
	}
	if context := spec.SecurityContext; context != nil {
		if context.RunAsNonRoot != nil {
			nonRoot = context.RunAsNonRoot
		}
		if context.RunAsUser != nil {
			user = context.RunAsUser
		}
	}
	where := fmt.Sprintf("(pod: %q, container: %s)", fullName(pod), spec.Name)
	runsAs := image.RunsAs()
	number, err := strconv.Atoi(runsAs)
	switch {
	case !isTrue(nonRoot):
	case user != nil && *user == 0:
		return fmt.Errorf("container's runAsUser breaks non-root policy %s", where)
	case user != nil:
	case runsAs != "" && err != nil:
		return fmt.Errorf("container has runAsNonRoot and image has non-numeric user (%s), cannot verify user is non-root %s", runsAs, where)
	case number == 0:
		return fmt.Errorf("container has runAsNonRoot and image will run as root %s", where)
	}
	return nil
}

func (m *Memory) event(c *container, eventType, reason, message string) {
	m.out.Events = append(m.out.Events, Event{Container: c, Type: eventType, Reason: reason, Message: message})
}

// due tells whether a moment has come, and sees to it that the Pod is looked at then.
func (m *Memory) due(at time.Time) bool {
	if m.now.Before(at) {
		m.lookAt(at)
		return false
	}
	return true
}

func (m *Memory) lookAt(at time.Time) {
	if m.out.Next.IsZero() || at.Before(m.out.Next) {
		m.out.Next = at
	}
}

// expandAll replaces $(NAME) in a command, as the kubelet does.
func expandAll(words []string, env map[string]string) []string {
	expanded := make([]string, 0, len(words))
	for _, word := range words {
		if strings.Contains(word, "$(") {
			word = expansion.Expand(word, expansion.MappingFuncFor(env))
		}
		expanded = append(expanded, word)
	}
	return expanded
}
