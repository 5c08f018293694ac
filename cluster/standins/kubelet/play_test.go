package kubelet

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// world is a namespace for tests: what is in it, and the built-in list of images.
type world struct {
	secrets    map[string]map[string][]byte
	configMaps map[string]map[string]string
	claims     map[string]corev1.PersistentVolumeClaimPhase
	present    map[string]bool
	catalogue  *Catalogue
}

func newWorld(t *testing.T) *world {
	t.Helper()
	catalogue, err := LoadCatalogue(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		secrets: map[string]map[string][]byte{}, configMaps: map[string]map[string]string{},
		claims: map[string]corev1.PersistentVolumeClaimPhase{}, present: map[string]bool{}, catalogue: catalogue,
	}
}

func (w *world) Secret(_, name string) *corev1.Secret {
	if data, ok := w.secrets[name]; ok {
		return &corev1.Secret{Data: data}
	}
	return nil
}

func (w *world) ConfigMap(_, name string) *corev1.ConfigMap {
	if data, ok := w.configMaps[name]; ok {
		return &corev1.ConfigMap{Data: data}
	}
	return nil
}

func (w *world) Claim(_, name string) *corev1.PersistentVolumeClaim {
	if phase, ok := w.claims[name]; ok {
		claim := &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: phase}}
		claim.Spec.VolumeName = "volume"
		return claim
	}
	return nil
}

func (w *world) HasServiceAccount(_, name string) bool { return name == "default" }
func (w *world) Find(image string) (Image, error)      { return w.catalogue.Find(image) }
func (w *world) Present(_, image string) bool          { return w.present[image] }

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// played is a Pod that is watched from its binding on, as the controller would.
type played struct {
	t      *testing.T
	world  *world
	pod    *corev1.Pod
	memory *Memory
	next   time.Time
	now    time.Time
	events []string
	gone   bool
}

func play(t *testing.T, w *world, spec string) *played {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "ns", UID: "uid", Generation: 1}}
	if err := yaml.UnmarshalStrict([]byte(spec), &pod.Spec); err != nil {
		t.Fatal(err)
	}
	pod.Spec.NodeName = "node"
	if pod.Spec.RestartPolicy == "" {
		pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for index := range list {
			for _, probe := range []*corev1.Probe{list[index].StartupProbe, list[index].LivenessProbe, list[index].ReadinessProbe} {
				if probe != nil && probe.PeriodSeconds == 0 {
					probe.PeriodSeconds = 10
				}
				if probe != nil && probe.HTTPGet != nil {
					probe.HTTPGet.Scheme = corev1.URISchemeHTTP
				}
				if probe != nil && probe.FailureThreshold == 0 {
					probe.FailureThreshold = 3
				}
			}
		}
	}
	p := &played{t: t, world: w, pod: pod, now: noon}
	p.memory = NewMemory(pod, w, podAddresses{pod: "10.244.0.2", host: "127.0.0.1"}, noon)
	p.step()
	return p
}

func (p *played) step() {
	outcome := p.memory.Step(p.pod, p.world, p.now)
	p.pod.Status, p.next, p.gone = outcome.Status, outcome.Next, outcome.Gone
	for _, event := range outcome.Events {
		p.events = append(p.events, event.Reason+" "+event.Message)
	}
	for _, image := range outcome.Pulled {
		p.world.present[image] = true
	}
	if !p.next.IsZero() && !p.next.After(p.now) {
		p.t.Fatalf("it wants to look again at once: %v at %v", p.next, p.now)
	}
}

// after lets time pass, looking whenever the Pod asks for it.
func (p *played) after(duration time.Duration) *played {
	until := p.now.Add(duration)
	for looks := 0; !p.next.IsZero() && !p.next.After(until); looks++ {
		if looks > 10_000 {
			p.t.Fatal("it never comes to rest")
		}
		p.now = p.next
		p.step()
	}
	p.now = until
	return p
}

func (p *played) delete(grace int64) *played {
	p.pod.DeletionTimestamp = &metav1.Time{Time: p.now.Add(time.Duration(grace) * time.Second)}
	p.pod.DeletionGracePeriodSeconds = &grace
	p.step()
	return p
}

// shows is the column STATUS of kubectl, roughly: the first container's reason, or the phase.
func (p *played) shows() string {
	state := p.pod.Status.ContainerStatuses[0].State
	switch {
	case state.Waiting != nil:
		return state.Waiting.Reason
	case state.Terminated != nil:
		return state.Terminated.Reason
	}
	return string(p.pod.Status.Phase)
}

func (p *played) is(kind corev1.PodConditionType) bool {
	found := conditionOf(&p.pod.Status, kind)
	return found != nil && found.Status == corev1.ConditionTrue
}

func (p *played) said(words string) bool {
	return strings.Contains(strings.Join(p.events, "\n"), words)
}

func (p *played) count(words string) int {
	return strings.Count(strings.Join(p.events, "\n"), words)
}

func TestWhatAPodShows(t *testing.T) {
	api := "containers: [{name: api, image: your-registry/rag-engine:v1.0.0"
	for _, test := range []struct {
		name  string
		spec  string
		after time.Duration
		shows string
		ready bool
		says  string
	}{
		{"at first", api + "}]", 0, "ContainerCreating", false, ""},
		{"runs within a second", api + "}]", time.Second, "Running", true, "Started Container started"},
		{"not ready before it listens", api + ", readinessProbe: {httpGet: {path: /health/ready, port: 8000}, periodSeconds: 1}}]", 2 * time.Second, "Running", false,
			`Unhealthy Readiness probe failed: Get "http://10.244.0.2:8000/health/ready": dial tcp 10.244.0.2:8000: connect: connection refused`},
		{"ready once it listens", api + ", readinessProbe: {httpGet: {path: /health/ready, port: 8000}, periodSeconds: 1}}]", 4 * time.Second, "Running", true, ""},
		{"named port", api + ", ports: [{name: http, containerPort: 8000}], readinessProbe: {httpGet: {path: /health, port: http}}}]", 13 * time.Second, "Running", true, ""},
		{"port that has no such name", api + ", readinessProbe: {httpGet: {path: /health, port: web}}}]", 13 * time.Second, "Running", false, "Readiness probe errored"},
		{"wrong path", api + ", readinessProbe: {httpGet: {path: /nope, port: 8000}}}]", 30 * time.Second, "Running", false, "HTTP probe failed with statuscode: 404"},
		{"wrong port", api + ", readinessProbe: {tcpSocket: {port: 8001}}}]", 30 * time.Second, "Running", false, "dial tcp 10.244.0.2:8001: connect: connection refused"},
		{"told to be unready", api + ", env: [{name: FAIL_READINESS, value: 'true'}], readinessProbe: {httpGet: {path: /health, port: 8000}}}]", 30 * time.Second,
			"Running", false, "statuscode: 503"},
		{"told to start slowly", api + ", env: [{name: START_SECONDS, value: '30'}], readinessProbe: {httpGet: {path: /health, port: 8000}}}]", 25 * time.Second,
			"Running", false, "connection refused"},
		{"tag not on the list", "containers: [{name: a, image: 'gateway:v9'}]", 5 * time.Second, "ImagePullBackOff", false, `BackOff Back-off pulling image "gateway:v9"`},
		{"pull just failed", "containers: [{name: a, image: 'gateway:v9'}]", time.Second, "ErrImagePull", false, "docker.io/library/gateway:v9: not found"},
		{"repository not on the list", "containers: [{name: a, image: 'ghcr.io/me/thing:v1'}]", time.Second, "ErrImagePull", false,
			"practice-cluster images add ghcr.io/me/thing:v1"},
		{"no image name", "containers: [{name: a, image: 'x/Gateway:v1'}]", time.Second, "InvalidImageName", false, "InspectFailed Failed to apply default image tag"},
		{"never pulled", "containers: [{name: a, image: 'gateway:v9', imagePullPolicy: Never}]", time.Second, "ErrImageNeverPull", false, "is not present with pull policy of Never"},
		{"never to be pulled, and there", "containers: [{name: a, image: 'gateway:v1.4.0', imagePullPolicy: Never}]", time.Second, "Running", true, "already present"},
		{"missing Secret", api + ", envFrom: [{secretRef: {name: s}}]}]", time.Second, "CreateContainerConfigError", false, `Failed Error: secret "s" not found`},
		{"missing key", api + ", env: [{name: A, valueFrom: {configMapKeyRef: {name: there, key: nope}}}]}]", time.Second, "CreateContainerConfigError", false,
			"couldn't find key nope in ConfigMap ns/there"},
		{"missing, but optional", api + ", env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: none, optional: true}}}]}]", time.Second, "Running", true, ""},
		{"missing volume", "volumes: [{name: v, secret: {secretName: s}}]\n" + api + "}]", time.Minute, "ContainerCreating", false,
			`FailedMount MountVolume.SetUp failed for volume "v" : secret "s" not found`},
		{"missing item", "volumes: [{name: v, configMap: {name: there, items: [{key: b, path: b}]}}]\n" + api + "}]", time.Second, "ContainerCreating", false,
			"configmap references non-existent config key: b"},
		{"claim that is not bound", "volumes: [{name: v, persistentVolumeClaim: {claimName: pending}}]\n" + api + "}]", time.Second, "ContainerCreating", false, "PVC is not bound"},
		{"claim that is bound", "volumes: [{name: v, persistentVolumeClaim: {claimName: bound}}]\n" + api + "}]", time.Second, "Running", true, ""},
		{"root that must not be", "securityContext: {runAsNonRoot: true}\ncontainers: [{name: a, image: 'nginx:1.27'}]", time.Second, "CreateContainerConfigError", false,
			"container has runAsNonRoot and image will run as root"},
		{"user that cannot be verified", "securityContext: {runAsNonRoot: true}\ncontainers: [{name: a, image: 'curlimages/curl:8.12.1'}]", time.Second,
			"CreateContainerConfigError", false, "non-numeric user (curl_user)"},
		{"not root", "securityContext: {runAsNonRoot: true}\n" + api + "}]", time.Second, "Running", true, ""},
		{"a variable short", "containers: [{name: a, image: 'query-api:v1.0.0'}]", time.Second, "Error", false, ""},
		{"a variable short, after a while", "containers: [{name: a, image: 'query-api:v1.0.0'}]", 10 * time.Second, "CrashLoopBackOff", false,
			"BackOff Back-off restarting failed container a in pod web_ns(uid)"},
		{"an empty variable is none", "containers: [{name: a, image: 'query-api:v1.0.0', env: [{name: DATABASE_URL, value: ''}]}]", 10 * time.Second, "CrashLoopBackOff", false, ""},
		{"all variables there", "containers: [{name: a, image: 'query-api:v1.0.0', env: [{name: DATABASE_URL, value: x}]}]", 10 * time.Second, "Running", true, ""},
		{"prefix makes the name", "containers: [{name: a, image: 'query-api:v1.0.0', envFrom: [{prefix: DATABASE_, configMapRef: {name: there}}]}]", 10 * time.Second, "Running", true, ""},
		{"killed before it can start", "containers: [{name: a, image: 'indexer:v1.0.0', livenessProbe: {httpGet: {path: /healthz, port: 8080}}}]", 21 * time.Second, "Error", false,
			"Killing Container a failed liveness probe, will be restarted"},
		{"startup probe covers the start", "containers: [{name: a, image: 'indexer:v1.0.0', startupProbe: {httpGet: {path: /healthz, port: 8080}, failureThreshold: 6}, livenessProbe: {httpGet: {path: /healthz, port: 8080}}}]",
			2 * time.Minute, "Running", true, ""},
		{"startup probe too short", "containers: [{name: a, image: 'indexer:v1.0.0', startupProbe: {httpGet: {path: /healthz, port: 8080}}}]", 21 * time.Second, "Error", false,
			"Killing Container a failed startup probe, will be restarted"},
		{"a variable short, whatever its command", "containers: [{name: a, image: 'query-api:v1.0.0', command: [gunicorn, app]}]", 10 * time.Second, "CrashLoopBackOff", false, ""},
		{"server with its own command", "containers: [{name: a, image: 'rag-engine:v1.0.0', command: [gunicorn, app]}]", 10 * time.Second, "Running", true, ""},
		{"init container with arguments", "initContainers: [{name: i, image: 'rag-engine:v1.0.0', args: [migrate]}]\n" + api + "}]", 4 * time.Second, "Running", true, ""},
		{"tool with arguments", "containers: [{name: a, image: busybox, args: [sleep, '100']}]", 10 * time.Second, "Running", true, ""},
		{"shell that someone is attached to", "containers: [{name: a, image: busybox, stdin: true, tty: true}]", 10 * time.Second, "Running", true, ""},
		{"tool without a command", "containers: [{name: a, image: 'busybox:1.37'}]", time.Second, "Completed", false, ""},
		{"Job that is done", "restartPolicy: Never\ncontainers: [{name: a, image: 'rag-engine:v1.0.0', command: [python, -m, job]}]", 3 * time.Second, "Completed", false, ""},
		{"Job that fails", "restartPolicy: Never\ncontainers: [{name: a, image: busybox, command: [sh, -c, exit 3]}]", 3 * time.Second, "Error", false, ""},
		{"init container at work", "initContainers: [{name: i, image: busybox, command: [sleep, '5']}]\n" + api + "}]", 3 * time.Second, "PodInitializing", false, ""},
		{"init container done", "initContainers: [{name: i, image: busybox, command: [sleep, '5']}]\n" + api + "}]", 7 * time.Second, "Running", true, ""},
		{"init container that fails", "initContainers: [{name: i, image: busybox, command: ['false']}]\n" + api + "}]", 7 * time.Second, "PodInitializing", false, "BackOff"},
		{"sidecar", "initContainers: [{name: i, image: 'envoyproxy/envoy:v1.31.0', restartPolicy: Always}]\n" + api + "}]", 2 * time.Second, "Running", true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.configMaps["there"] = map[string]string{"URL": "x"}
			w.claims["bound"], w.claims["pending"] = corev1.ClaimBound, corev1.ClaimPending
			p := play(t, w, test.spec).after(test.after)
			if got := p.shows(); got != test.shows {
				t.Errorf("it shows %s, not %s; events: %q", got, test.shows, p.events)
			}
			if p.is(corev1.PodReady) != test.ready {
				t.Errorf("ready: %v; events: %q", p.is(corev1.PodReady), p.events)
			}
			if !p.said(test.says) {
				t.Errorf("no event says %q: %q", test.says, p.events)
			}
		})
	}
}

func TestCrashesBackOff(t *testing.T) {
	p := play(t, newWorld(t), "containers: [{name: a, image: 'query-api:v1.0.0'}]")
	var restarts []time.Duration
	last := int32(0)
	for p.now.Sub(noon) < 30*time.Minute {
		p.after(100 * time.Millisecond)
		if now := p.pod.Status.ContainerStatuses[0].RestartCount; now != last {
			restarts, last = append(restarts, p.now.Sub(noon).Round(time.Second)), now
		}
	}
	want := []time.Duration{2, 12, 32, 73, 153, 314, 614, 914, 1215, 1515}
	for index, seconds := range want {
		if index >= len(restarts) || (restarts[index]-seconds*time.Second).Abs() > 2*time.Second {
			t.Fatalf("it restarts after %v, not after seconds %v", restarts, want)
		}
	}
	status := p.pod.Status.ContainerStatuses[0]
	if ended := status.LastTerminationState.Terminated; ended == nil || ended.ExitCode != 1 || !strings.Contains(ended.Message, "DATABASE_URL") {
		t.Errorf("the last state does not say why: %+v", ended)
	}
	if !strings.Contains(status.State.Waiting.Message, "back-off 5m0s restarting failed container=a pod=web_ns(uid)") {
		t.Errorf("it waits with %q", status.State.Waiting.Message)
	}
}

func TestFirstRestartComesAtOnce(t *testing.T) {
	for _, spec := range []string{
		"containers: [{name: a, image: 'query-api:v1.0.0'}]",
		"containers: [{name: a, image: 'query-api:v1.0.0', imagePullPolicy: Always}]",
	} {
		p := play(t, newWorld(t), spec).after(1400 * time.Millisecond)
		if p.shows() != "Error" {
			t.Errorf("at first it shows %s", p.shows())
		}
		if p.after(500 * time.Millisecond); p.pod.Status.ContainerStatuses[0].RestartCount != 1 || p.said("BackOff") {
			t.Errorf("%d restarts; events: %q", p.pod.Status.ContainerStatuses[0].RestartCount, p.events)
		}
	}
}

func TestImageOfARunningPodIsChanged(t *testing.T) {
	p := play(t, newWorld(t), "containers: [{name: a, image: 'nginx:1.27'}]").after(time.Second)
	p.pod.Spec.Containers[0].Image = "nginx:nope"
	p.step()
	if p.after(5*time.Second).shows() != "ImagePullBackOff" || !p.said("Container a definition changed, will be restarted") {
		t.Errorf("with a bad tag it shows %s: %q", p.shows(), p.events)
	}
	p.pod.Spec.Containers[0].Image = "nginx:1.28"
	p.step()
	if p.after(time.Second).shows() != "Running" || p.pod.Status.ContainerStatuses[0].Image != "docker.io/library/nginx:1.28" {
		t.Errorf("with a good one it shows %s: %q", p.shows(), p.events)
	}
}

func TestBackOffIsForgotten(t *testing.T) {
	p := play(t, newWorld(t), "containers: [{name: a, image: busybox, command: [sleep, '700']}]").after(40 * time.Minute)
	if p.said("BackOff") {
		t.Errorf("eleven good minutes earn no back-off: %q", p.events)
	}
	if restarts := p.pod.Status.ContainerStatuses[0].RestartCount; restarts != 3 {
		t.Errorf("%d restarts", restarts)
	}
}

func TestPullsBackOff(t *testing.T) {
	p := play(t, newWorld(t), "containers: [{name: a, image: 'gateway:v9'}]").after(9 * time.Second)
	for _, step := range []struct {
		after time.Duration
		pulls int
	}{{0, 1}, {2 * time.Second, 2}, {18 * time.Second, 2}, {3 * time.Second, 3}, {20 * time.Minute, 9}} {
		p.after(step.after)
		if got := p.count("Pulling image"); got != step.pulls {
			t.Errorf("after %v: %d pulls, not %d", p.now.Sub(noon), got, step.pulls)
		}
	}
	p.pod.Spec.Containers[0].Image = "gateway:v1.4.0"
	p.step()
	if p.after(time.Second).shows() != "Running" {
		t.Errorf("with a good tag it shows %s: %q", p.shows(), p.events)
	}
}

func TestMissingObjectsAreWaitedFor(t *testing.T) {
	w := newWorld(t)
	p := play(t, w, "volumes: [{name: v, secret: {secretName: s}}]\ncontainers: [{name: a, image: nginx, env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]")
	p.after(time.Minute)
	if mounts := p.count("FailedMount"); mounts < 5 || mounts > 9 {
		t.Errorf("%d mounts failed in a minute", mounts)
	}
	w.secrets["s"] = map[string][]byte{}
	p.step()
	if p.after(time.Second).shows() != "CreateContainerConfigError" {
		t.Fatalf("it shows %s", p.shows())
	}
	w.configMaps["c"] = map[string]string{"k": "v"}
	p.step()
	if p.after(time.Second).shows() != "Running" {
		t.Fatalf("it shows %s", p.shows())
	}
}

func TestNothingIsDoneForAPodAtRest(t *testing.T) {
	p := play(t, newWorld(t), `containers: [{name: api, image: 'rag-engine:v1.0.0', startupProbe: {httpGet: {path: /health, port: 8000}},
 livenessProbe: {httpGet: {path: /health, port: 8000}}, readinessProbe: {httpGet: {path: /health/ready, port: 8000}}}]`).after(time.Minute)
	if !p.is(corev1.PodReady) || !p.next.IsZero() {
		t.Errorf("ready: %v, and it would be looked at again at %v", p.is(corev1.PodReady), p.next)
	}
}

func TestEnding(t *testing.T) {
	server := "containers: [{name: a, image: 'nginx:1.27'"
	for _, test := range []struct {
		name  string
		spec  string
		grace int64
		gone  time.Duration
	}{
		{"a server stops within a second", server + "}]", 30, time.Second},
		{"after its preStop hook", server + ", lifecycle: {preStop: {sleep: {seconds: 10}}}}]", 30, 11 * time.Second},
		{"after a hook that is a command", server + ", lifecycle: {preStop: {exec: {command: [sh, -c, sleep 10]}}}}]", 30, 11 * time.Second},
		{"when the grace period is over", server + ", lifecycle: {preStop: {sleep: {seconds: 100}}}}]", 30, 30 * time.Second},
		{"what never started, at once", "containers: [{name: a, image: 'nginx:nope'}]", 30, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := play(t, newWorld(t), test.spec).after(5 * time.Second).delete(test.grace)
			if test.gone > 0 {
				if p.after(test.gone - 600*time.Millisecond); p.gone {
					t.Error("it is gone too early")
				}
				if !p.said("Killing Stopping container a") {
					t.Errorf("no event tells of the end: %q", p.events)
				}
			}
			if p.after(600 * time.Millisecond); !p.gone {
				t.Errorf("it is not gone after %v: %+v", test.gone, p.pod.Status.ContainerStatuses)
			}
		})
	}
}

func TestPhasesOfJobs(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		phase      corev1.PodPhase
	}{
		{"success", "restartPolicy: Never\ncontainers: [{name: a, image: busybox, command: ['true']}]", corev1.PodSucceeded},
		{"failure", "restartPolicy: Never\ncontainers: [{name: a, image: busybox, command: ['false']}]", corev1.PodFailed},
		{"retried", "restartPolicy: OnFailure\ncontainers: [{name: a, image: busybox, command: ['false']}]", corev1.PodRunning},
		{"one of two at work", "restartPolicy: Never\ncontainers: [{name: a, image: busybox}, {name: b, image: nginx}]", corev1.PodRunning},
		{"sidecar ends with the work", "restartPolicy: Never\ninitContainers: [{name: s, image: nginx, restartPolicy: Always}]\ncontainers: [{name: a, image: busybox}]",
			corev1.PodSucceeded},
		{"init container fails for good", "restartPolicy: Never\ninitContainers: [{name: i, image: busybox, command: ['false']}]\ncontainers: [{name: a, image: busybox}]",
			corev1.PodFailed},
		{"past its deadline", "activeDeadlineSeconds: 5\ncontainers: [{name: a, image: nginx}]", corev1.PodFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := play(t, newWorld(t), test.spec).after(20 * time.Second)
			if p.pod.Status.Phase != test.phase {
				t.Errorf("it is %s; events: %q", p.pod.Status.Phase, p.events)
			}
		})
	}
}

func TestAKubeletThatStartsAgainLeavesPodsAlone(t *testing.T) {
	for _, test := range []struct{ name, spec string }{
		{"ready", "containers: [{name: a, image: 'rag-engine:v1.0.0', readinessProbe: {httpGet: {path: /health, port: 8000}}, livenessProbe: {httpGet: {path: /health, port: 8000}}}]"},
		{"in a crash loop", "containers: [{name: a, image: 'query-api:v1.0.0'}]"},
		{"not pulled", "containers: [{name: a, image: 'gateway:v9'}]"},
		{"done", "restartPolicy: Never\ncontainers: [{name: a, image: busybox}]"},
		{"with its init container done", "initContainers: [{name: i, image: busybox}]\ncontainers: [{name: a, image: nginx}]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := play(t, newWorld(t), test.spec).after(18 * time.Second)
			before, shown := p.pod.Status.DeepCopy(), p.shows()
			p.memory = NewMemory(p.pod, p.world, podAddresses{pod: "10.244.0.2", host: "127.0.0.1"}, p.now)
			p.step()
			p.after(time.Second)
			now := p.pod.Status
			if p.shows() != shown && !(shown == "ImagePullBackOff" && p.shows() == "ErrImagePull") || now.Phase != before.Phase {
				t.Errorf("it showed %s %s, now %s %s", before.Phase, shown, now.Phase, p.shows())
			}
			if now.ContainerStatuses[0].RestartCount != before.ContainerStatuses[0].RestartCount {
				t.Errorf("it was restarted")
			}
			if now.ContainerStatuses[0].ContainerID != before.ContainerStatuses[0].ContainerID {
				t.Errorf("another container runs")
			}
		})
	}
}

func TestReadinessGates(t *testing.T) {
	p := play(t, newWorld(t), "readinessGates: [{conditionType: example.org/open}]\ncontainers: [{name: a, image: nginx}]").after(time.Second)
	if p.is(corev1.PodReady) || !p.is(corev1.ContainersReady) {
		t.Errorf("conditions: %+v", p.pod.Status.Conditions)
	}
	p.pod.Status.Conditions = append(p.pod.Status.Conditions, corev1.PodCondition{Type: "example.org/open", Status: corev1.ConditionTrue})
	if p.step(); !p.is(corev1.PodReady) || !p.is("example.org/open") {
		t.Errorf("conditions: %+v", p.pod.Status.Conditions)
	}
}
