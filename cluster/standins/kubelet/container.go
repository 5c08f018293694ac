package kubelet

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Back-off of crashed containers and failed pulls: ten seconds, doubled up to five minutes; forgotten after ten good minutes.
// (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy)
const (
	firstBackoff  = 10 * time.Second
	longestWait   = 5 * time.Minute
	forgetBackoff = 2 * longestWait
)

const (
	pullTakes        = 200 * time.Millisecond // what the first pull of an image on a node is played to take
	stopTakes        = 500 * time.Millisecond // a server's own shutdown, after its preStop hook
	noticed          = time.Second            // how long an ended container is seen as such, before what comes next
	pullNoticed      = 2 * time.Second        // the same of a failed pull
	reminder         = 15 * time.Second       // how often a kubelet repeats the event of a container that waits
	sandboxTakes     = 100 * time.Millisecond
	failsAfter       = 300 * time.Millisecond // how long an app looks for its variables before it gives up
	outOfMemoryAfter = time.Second
	jobTakes         = time.Second // what an unknown command takes where a container is meant to end
)

// role of a container in its Pod.
type role int

const (
	roleMain role = iota
	roleInit
	roleSidecar
	roleDebug
)

// container is what a kubelet remembers of one container of a Pod.
type container struct {
	role     role
	spec     *corev1.Container
	state    corev1.ContainerState
	last     corev1.ContainerState
	restarts int32
	id       string

	// What runs, or ran last.
	created   string // the image's name in the spec from which it was created
	image     Image
	program   program
	delay     time.Duration
	unready   bool
	startedAt time.Time
	started   bool
	ready     bool
	startup   probing
	liveness  probing
	readiness probing
	dying     *dying
	previous  []line // what the run before wrote

	// Why it waits.
	pulledAt  time.Time // when the pull under way ends
	pullTakes time.Duration
	pull      backoff
	crash     backoff
	released  bool // its back-off is over, and what else it needs is on its way
	reminded  time.Time
}

// dying is a container that was told to stop.
type dying struct {
	at   time.Time
	code int32
}

type backoff struct {
	delay   time.Duration
	updated time.Time
	message string
}

func (b *backoff) grow(now, event time.Time) {
	if b.delay == 0 || event.Sub(b.updated) > forgetBackoff {
		b.delay = firstBackoff
	} else {
		b.delay = min(2*b.delay, longestWait)
	}
	b.updated = now
}

// listens tells whether the image's app answers by now.
func (c *container) listens(now time.Time) bool {
	return c.state.Running != nil && c.program.app && !now.Before(c.startedAt.Add(c.delay))
}

// serves tells whether the app listens at a port: where the list says so, or, if it does not say, at any.
func (c *container) serves(port int32) bool {
	return len(c.image.Ports) == 0 || slices.Contains(c.image.Ports, port)
}

// run decides what the container's program will do, from its spec, its image and its variables.
func (c *container) run(pod *corev1.Pod, image Image, env map[string]string, mounted map[string]string, now time.Time) {
	c.image, c.created, c.startedAt = image, c.spec.Image, now
	c.delay = image.startDelay(env)
	c.unready = image.Unready != "" && isYes(env[image.Unready])
	c.program = c.play(pod, surroundings{env: env, files: mounted})
}

func isYes(value string) bool {
	yes, err := strconv.ParseBool(value)
	return err == nil && yes
}

// play is what becomes of the container's program: its command, or else the image's own.
func (c *container) play(pod *corev1.Pod, around surroundings) program {
	command := c.command(around.env)
	done := interpret(command, around)
	switch {
	case len(command) == 0 || done.unknown:
	case done.memory > 0 && c.memoryLimit() > 0 && done.memory > c.memoryLimit():
		return program{ends: true, after: outOfMemoryAfter, code: 137, killed: "OOMKilled"}
	case done.forever:
		return program{lines: done.lines, loop: done.loop, files: done.files}
	default:
		return program{lines: done.lines, files: done.files, ends: true, after: done.after, code: done.code}
	}
	for _, needed := range c.image.Requires {
		if around.env[needed.Name] == "" {
			return program{lines: append(done.lines, said{failsAfter, needed.Says}), ends: true, after: failsAfter, code: 1, reason: needed.Says}
		}
	}
	exit := c.image.Exits
	switch {
	case c.meantToEnd(pod) && (done.unknown || len(c.spec.Args) > 0):
		return program{lines: done.lines, ends: true, after: done.after + jobTakes}
	case !done.unknown && exit != nil && !c.spec.Stdin:
		return program{lines: saidAt(0, c.image.Log...), ends: true, after: exit.After.Duration, code: exit.Code}
	}
	return program{lines: done.lines, app: true} // a server, as far as anyone can tell
}

// command is what replaces the image's own program. The arguments of a tool without an entrypoint are its command.
func (c *container) command(env map[string]string) []string {
	switch {
	case len(c.spec.Command) > 0:
		return expandAll(slices.Concat(c.spec.Command, c.spec.Args), env)
	case len(c.spec.Args) > 0 && c.image.Exits != nil:
		return expandAll(c.spec.Args, env)
	}
	return nil
}

func (c *container) meantToEnd(pod *corev1.Pod) bool {
	return c.role == roleInit || c.role == roleMain && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
}

// ends is when the program ends by itself.
func (c *container) ends() (time.Time, bool) {
	return c.startedAt.Add(c.program.after), c.program.ends
}

// stop tells a running container to end: after its preStop hook and a moment, or when the grace period is over.
func (c *container) stop(now time.Time, grace time.Duration) {
	if c.dying != nil {
		if at := now.Add(grace); at.Before(c.dying.at) {
			c.dying.at = at
		}
		return
	}
	code := int32(0)
	if !c.listens(now) {
		code = 143 // 128 + SIGTERM: nobody is there to handle it
	}
	takes := preStop(c.spec) + stopTakes
	if takes >= grace {
		takes, code = grace, 137 // 128 + SIGKILL
	}
	c.dying = &dying{at: now.Add(takes), code: code}
}

// preStop is how long a container's preStop hook pauses.
func preStop(spec *corev1.Container) time.Duration {
	if spec.Lifecycle == nil || spec.Lifecycle.PreStop == nil {
		return 0
	}
	switch hook := spec.Lifecycle.PreStop; {
	case hook.Sleep != nil:
		return time.Duration(hook.Sleep.Seconds) * time.Second
	case hook.Exec != nil:
		done := interpret(hook.Exec.Command, surroundings{})
		if done.forever {
			return 24 * time.Hour
		}
		return done.after
	}
	return 0
}

// memoryLimit is how many bytes the container may use; zero: as many as the node has.
func (c *container) memoryLimit() int64 { return c.spec.Resources.Limits.Memory().Value() }

// terminate ends the current run.
func (c *container) terminate(at time.Time, code int32, reason, message string) {
	if reason == "" {
		reason = "Completed"
		if code != 0 {
			reason = "Error"
		}
	}
	written, _ := c.log(at)
	c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, ContainerID: c.id,
		StartedAt: metav1.NewTime(c.startedAt), FinishedAt: metav1.NewTime(at),
	}}
	c.started, c.ready, c.dying = false, code == 0 && c.role == roleInit, nil
	c.previous = written
}

func (c *container) wait(reason, message string) {
	c.become(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

// become gives the container its next state; how it ended is its last one then.
func (c *container) become(state corev1.ContainerState) {
	if c.state.Terminated != nil {
		c.last = c.state
	}
	c.state = state
}

// restartable tells whether an ended container is started again.
func (c *container) restartable(pod *corev1.Pod) bool {
	code := c.state.Terminated.ExitCode
	if c.role == roleDebug {
		return false
	}
	for _, rule := range c.spec.RestartPolicyRules {
		if rule.ExitCodes == nil {
			continue
		}
		in := slices.Contains(rule.ExitCodes.Values, code)
		if in == (rule.ExitCodes.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn) {
			return rule.Action == corev1.ContainerRestartRuleActionRestart
		}
	}
	policy := pod.Spec.RestartPolicy
	if c.spec.RestartPolicy != nil {
		policy = corev1.RestartPolicy(*c.spec.RestartPolicy)
	}
	if c.role == roleInit { // an init container that has done its work is done, whatever the policy
		return code != 0 && policy != corev1.RestartPolicyNever
	}
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && code != 0
}

// newID makes the ID of a container's next run from what distinguishes it.
func newID(pod *corev1.Pod, name string, restarts int32) string {
	return fmt.Sprintf("containerd://%x", sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", pod.UID, name, restarts)))
}

func (c *container) status(pod *corev1.Pod) corev1.ContainerStatus {
	started := c.started
	status := corev1.ContainerStatus{
		Name: c.spec.Name, State: c.state, LastTerminationState: c.last, Ready: c.ready, RestartCount: c.restarts,
		Image: c.spec.Image, ContainerID: c.id, Started: &started,
	}
	if c.id != "" {
		status.Image, status.ImageID = c.image.Reference, c.image.Digest()
	}
	if c.role == roleDebug {
		status.Started = nil
		return status
	}
	if c.state.Running != nil {
		status.Resources = c.spec.Resources.DeepCopy()
		status.AllocatedResources = c.spec.Resources.Requests.DeepCopy()
		for _, mount := range c.spec.VolumeMounts {
			volume := corev1.VolumeMountStatus{Name: mount.Name, MountPath: mount.MountPath, ReadOnly: mount.ReadOnly}
			if mount.ReadOnly {
				disabled := corev1.RecursiveReadOnlyDisabled
				volume.RecursiveReadOnly = &disabled
			}
			status.VolumeMounts = append(status.VolumeMounts, volume)
		}
	}
	return status
}
