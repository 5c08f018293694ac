package kubelet

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// texts are the lines of a log without the first, which only tells that it is played.
func texts(log readLog) string {
	var all []string
	for _, one := range log.lines[1:] {
		all = append(all, one.text)
	}
	return strings.Join(all, "\n")
}

func TestWhatALogHolds(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		wait       time.Duration
		want       string
	}{
		{"an app that has not started", `containers: [{name: a, image: 'rag-engine:v1.0.0'}]`, 1500 * time.Millisecond, ""},
		{"an app that listens", `containers: [{name: a, image: 'rag-engine:v1.0.0'}]`, 5 * time.Second,
			`{"level": "info", "message": "application startup complete", "port": 8000}`},
		{"a script that has come half its way", `containers: [{name: a, image: busybox, command: [sh, -c, "echo one; sleep 3; echo two; sleep 3"]}]`,
			3 * time.Second, "one"},
		{"a script that has come further", `containers: [{name: a, image: busybox, command: [sh, -c, "echo one; sleep 3; echo two; sleep 3"]}]`,
			4 * time.Second, "one\ntwo"},
		{"a loop", `containers: [{name: a, image: busybox, command: [sh, -c, "echo first; while true; do echo tick; sleep 2; done"]}]`,
			5 * time.Second, "first\ntick\ntick\ntick"},
		{"a loop that counts and tells the time", `containers: [{name: a, image: busybox, args: [sh, -c, 'i=0; while true; do echo "$i: $(date +%T)"; i=$((i+1)); sleep 1; done']}]`,
			2500 * time.Millisecond, "0: 12:00:00\n1: 12:00:01\n2: 12:00:02"},
		{"a loop that writes elsewhere", `containers: [{name: a, image: busybox, command: [sh, -c, "while true; do date >> /data/x; sleep 1; done"]}]`, 5 * time.Second, ""},
		{"a loop that asks someone", `containers: [{name: a, image: busybox, command: [sh, -c, "while sleep 0.01; do wget -q -O- http://web; done"]}]`, 5 * time.Second, ""},
		{"the time", `containers: [{name: a, image: busybox, command: [sh, -c, "date; date +%Y-%m-%d; sleep 60"]}]`, time.Second,
			"Tue Nov 24 12:00:00 UTC 2026\n2026-11-24"},
		{"variables of a script's own", `containers: [{name: a, image: busybox, command: [sh, -c, "WHO=world; echo hello $WHO; sleep 60"]}]`, time.Second, "hello world"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := play(t, newWorld(t), test.spec)
			p.after(test.wait)
			log, err := p.memory.read("a", "web", false, p.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := texts(log); got != test.want {
				t.Errorf("got\n%s\nand not\n%s", got, test.want)
			}
		})
	}
}

func TestOneRunEach(t *testing.T) {
	p := play(t, newWorld(t), `containers: [{name: a, image: busybox, command: [sh, -c, "echo starting; sleep 2; echo 'no database'; exit 1"]}]`)
	p.after(4 * time.Second) // the second run, a second old
	before, err := p.memory.read("a", "web", true, p.now)
	now, other := p.memory.read("a", "web", false, p.now)
	if err != nil || other != nil || texts(before) != "starting\nno database" || texts(now) != "starting" {
		t.Errorf("%q, %v, then %q, %v", texts(before), err, texts(now), other)
	}
}

func TestWhatIsAskedOfALog(t *testing.T) {
	lines := []line{{noon, "one"}, {noon.Add(10 * time.Second), "two"}, {noon.Add(20 * time.Second), "three"}}
	for query, want := range map[string]string{
		"":                                      "one\ntwo\nthree\n",
		"tailLines=1":                           "three\n",
		"tailLines=0":                           "",
		"tailLines=9":                           "one\ntwo\nthree\n",
		"sinceSeconds=15":                       "two\nthree\n",
		"sinceTime=2026-11-24T12:00:20Z":        "three\n",
		"sinceSeconds=15&tailLines=1":           "three\n",
		"limitBytes=5":                          "one\nt",
		"timestamps=true&tailLines=1":           "2026-11-24T12:00:20.000000000Z three\n",
		"sinceTime=2026-11-24T12:00:11%2B00:00": "three\n",
	} {
		t.Run(query, func(t *testing.T) {
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			asked := askedFor(values, noon.Add(20*time.Second))
			recorder := httptest.NewRecorder()
			(&logWriter{to: recorder, asked: asked, left: asked.limit}).write(asked.of(lines))
			if got := recorder.Body.String(); got != want {
				t.Errorf("got %q and not %q", got, want)
			}
		})
	}
}

func TestALogIsFollowedUntilTheRunEnds(t *testing.T) {
	pod := &corev1.Pod{}
	pod.Name, pod.Namespace, pod.UID = "web", "ns", "uid"
	pod.Spec = corev1.PodSpec{NodeName: "node", RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{
		{Name: "a", Image: "busybox", Command: []string{"sh", "-c", "echo one; sleep 0.3; echo two; sleep 0.3; echo three; sleep 0.2"}},
	}}
	w := newWorld(t)
	memory := NewMemory(pod, w, podAddresses{}, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			outcome := memory.Step(pod, w, time.Now())
			if outcome.Status.Phase == corev1.PodSucceeded {
				return
			}
			time.Sleep(min(time.Until(outcome.Next), 100*time.Millisecond))
		}
	}()
	var log readLog
	for err := error(context.Canceled); err != nil && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		log, err = memory.read("a", "web", false, time.Now())
	}
	got := texts(log)
	memory.follow(ctx, "a", log, func(lines []line) bool {
		for _, one := range lines {
			got += "|" + one.text
		}
		return true
	})
	if ctx.Err() != nil || got != "one|two|three" {
		t.Errorf("%q, %v", got, ctx.Err())
	}
}

func TestAFileThatAProbeLooksFor(t *testing.T) {
	p := play(t, newWorld(t), `containers: [{name: a, image: busybox, args: [/bin/sh, -c, "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"],
  livenessProbe: {exec: {command: [cat, /tmp/healthy]}, initialDelaySeconds: 5, periodSeconds: 5}}]`)
	p.after(29 * time.Second)
	if strings.Contains(strings.Join(p.events, "\n"), "Unhealthy") {
		t.Errorf("too early: %q", p.events)
	}
	p.after(50 * time.Second)
	all := strings.Join(p.events, "\n")
	for _, want := range []string{
		"Unhealthy Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory", "Killing Container a failed liveness probe, will be restarted",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

func TestAnAppThatSickens(t *testing.T) {
	p := play(t, newWorld(t), `containers: [{name: a, image: 'registry.k8s.io/e2e-test-images/agnhost:2.40', args: [liveness],
  livenessProbe: {httpGet: {path: /healthz, port: 8080}, initialDelaySeconds: 3, periodSeconds: 3}}]`)
	p.after(9 * time.Second)
	if got := p.pod.Status.ContainerStatuses[0]; got.RestartCount != 0 || !got.Ready {
		t.Errorf("too early: %+v", got)
	}
	p.after(15 * time.Second)
	if got := p.pod.Status.ContainerStatuses[0].RestartCount; got != 1 || !strings.Contains(strings.Join(p.events, "\n"), "HTTP probe failed with statuscode: 500") {
		t.Errorf("%d restarts: %q", got, p.events)
	}
}

func TestMoreMemoryThanTheLimit(t *testing.T) {
	for limit, want := range map[string]string{"100Mi": "OOMKilled", "200Mi": "", "1Gi": ""} {
		t.Run(limit, func(t *testing.T) {
			p := play(t, newWorld(t), `restartPolicy: Never
containers: [{name: a, image: polinux/stress, command: [stress], args: [--vm, "1", --vm-bytes, 150M, --vm-hang, "1"], resources: {limits: {memory: `+limit+`}}}]`)
			p.after(5 * time.Second)
			got := ""
			if ended := p.pod.Status.ContainerStatuses[0].State.Terminated; ended != nil {
				got = ended.Reason
				if ended.ExitCode != 137 {
					t.Errorf("exit code %d", ended.ExitCode)
				}
			}
			if got != want {
				t.Errorf("%q and not %q", got, want)
			}
		})
	}
}
