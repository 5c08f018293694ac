package kubelet

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// answer is what one probe gets from a played app.
type answer struct {
	healthy bool
	output  string // what the event says, when it is not
	errored bool   // the probe itself cannot be made
}

// ask makes one probe of a running container, with the words that the kubelet's own probes would have for the answer.
func ask(probe *corev1.Probe, readiness bool, spec *corev1.Container, c *container, ip string, now time.Time) answer {
	listening := c.listens(now)
	switch {
	case probe.Exec != nil:
		if now.Before(c.startedAt.Add(c.delay)) {
			return answer{output: fmt.Sprintf("command %q exited with 1 (played: the app has not started yet)", strings.Join(probe.Exec.Command, " "))}
		}
		if readiness && c.unready {
			return answer{output: fmt.Sprintf("command %q exited with 1 (played: the app is told to be unready)", strings.Join(probe.Exec.Command, " "))}
		}
		return c.checkFile(probe.Exec.Command, now)
	case probe.HTTPGet != nil:
		return askHTTP(probe.HTTPGet, readiness, spec, c, ip, listening, now)
	case probe.TCPSocket != nil:
		port, err := resolvePort(probe.TCPSocket.Port, spec)
		if err != nil {
			return answer{errored: true, output: err.Error()}
		}
		host := ip
		if probe.TCPSocket.Host != "" {
			host, listening = probe.TCPSocket.Host, false
		}
		if !listening || !c.serves(port) {
			return answer{output: refused(host, port)}
		}
		return answer{healthy: true}
	case probe.GRPC != nil:
		if !listening || !c.serves(probe.GRPC.Port) {
			return answer{output: fmt.Sprintf("timeout: failed to connect service %q within %v: context deadline exceeded",
				fmt.Sprintf("%s:%d", ip, probe.GRPC.Port), time.Duration(probe.TimeoutSeconds)*time.Second)}
		}
		if readiness && c.unready {
			return answer{output: `service unhealthy (responded with "NOT_SERVING")`}
		}
		return answer{healthy: true}
	}
	return answer{healthy: true}
}

func askHTTP(get *corev1.HTTPGetAction, readiness bool, spec *corev1.Container, c *container, ip string, listening bool, now time.Time) answer {
	port, err := resolvePort(get.Port, spec)
	if err != nil {
		return answer{errored: true, output: err.Error()}
	}
	host := ip
	if get.Host != "" { // played apps are nowhere but in their own Pod
		host, listening = get.Host, false
	}
	target := url.URL{Scheme: strings.ToLower(string(get.Scheme)), Host: fmt.Sprintf("%s:%d", host, port), Path: "/" + strings.TrimPrefix(get.Path, "/")}
	if parsed, err := url.Parse(get.Path); err == nil {
		target.Path, target.RawQuery = "/"+strings.TrimPrefix(parsed.Path, "/"), parsed.RawQuery
	}
	switch {
	case !listening || !c.serves(port):
		return answer{output: fmt.Sprintf("Get %q: %s", target.String(), refused(host, port))}
	case get.Scheme == corev1.URISchemeHTTPS && len(c.image.Paths) > 0:
		return answer{output: fmt.Sprintf("Get %q: http: server gave HTTP response to HTTPS client", target.String())}
	case !answersPath(c.image.Paths, target.Path):
		return answer{output: "HTTP probe failed with statuscode: 404"}
	case readiness && c.unready:
		return answer{output: "HTTP probe failed with statuscode: 503"}
	case c.sickens() > 0 && !now.Before(c.startedAt.Add(c.sickens())):
		return answer{output: "HTTP probe failed with statuscode: 500"}
	}
	return answer{healthy: true}
}

func refused(host string, port int32) string {
	return fmt.Sprintf("dial tcp %s:%d: connect: connection refused", host, port)
}

func answersPath(paths []string, asked string) bool {
	return len(paths) == 0 || slices.ContainsFunc(paths, func(known string) bool {
		prefix, open := strings.CutSuffix(known, "*")
		return known == asked || open && strings.HasPrefix(asked, prefix)
	})
}

// resolvePort finds a probe's port, which may be named after one of the container's own.
func resolvePort(port intstr.IntOrString, spec *corev1.Container) (int32, error) {
	if port.Type == intstr.Int {
		return port.IntVal, nil
	}
	for _, declared := range spec.Ports {
		if declared.Name == port.StrVal {
			return declared.ContainerPort, nil
		}
	}
	if number, err := strconv.ParseInt(port.StrVal, 10, 32); err == nil {
		return int32(number), nil
	}
	return 0, fmt.Errorf("couldn't find port %q among the ports of container %s", port.StrVal, spec.Name)
}

// probing is the state of one probe of a container.
type probing struct {
	next      time.Time // zero: nothing will change any more, so that nobody needs to ask
	failures  int32
	successes int32
}

type verdict int

const (
	undecided verdict = iota
	passed
	failed
)

// count takes one answer, and tells whether a threshold is reached. The next probe is a period later, however late this one was.
func (p *probing) count(ok bool, probe *corev1.Probe, now time.Time) verdict {
	period := time.Duration(max(1, probe.PeriodSeconds)) * time.Second
	p.next = p.next.Add(period)
	if !p.next.After(now) {
		p.next = now.Add(period)
	}
	if ok {
		p.successes, p.failures = p.successes+1, 0
		if p.successes >= max(1, probe.SuccessThreshold) {
			return passed
		}
		return undecided
	}
	p.failures, p.successes = p.failures+1, 0
	if p.failures >= max(1, probe.FailureThreshold) {
		return failed
	}
	return undecided
}

// settle ends the asking where the answer will not change any more: nobody needs to wake for it.
func (p *probing) settle(c *container, probe *corev1.Probe) {
	if !c.changesFor(probe) {
		p.next = time.Time{}
	}
}

// changesFor tells whether a healthy answer to a probe can still become another: what the container's script makes and removes may
// decide, or an argument.
func (c *container) changesFor(probe *corev1.Probe) bool {
	if probe.Exec == nil {
		return probe.HTTPGet != nil && c.sickens() > 0
	}
	file := checked(probe.Exec.Command)
	return slices.ContainsFunc(c.program.files, func(change touched) bool { return change.path == file })
}

// sickens is how long after its start the app begins to answer with errors; zero: never.
func (c *container) sickens() time.Duration {
	if len(c.spec.Args) == 0 {
		return 0
	}
	return c.image.Sickens[c.spec.Args[0]].Duration
}

// checked is the file that a probe's command looks for: `cat FILE`, `test -f FILE`, `ls FILE`.
func checked(command []string) string {
	if len(command) > 1 && slices.Contains([]string{"cat", "test", "ls", "stat", "["}, path.Base(command[0])) {
		for _, word := range command[1:] {
			if strings.HasPrefix(word, "/") {
				return path.Clean(word)
			}
		}
	}
	return ""
}

// checkFile answers a command that looks for a file which the container's script makes and removes. All other commands succeed.
func (c *container) checkFile(command []string, now time.Time) answer {
	file, known, there := checked(command), false, false
	for _, change := range c.program.files {
		if change.path == file {
			known = true
			if !now.Before(c.startedAt.Add(change.after)) {
				there = change.there
			}
		}
	}
	if !known || there {
		return answer{healthy: true}
	}
	switch name := path.Base(command[0]); name {
	case "cat":
		return answer{output: fmt.Sprintf("cat: can't open '%s': No such file or directory", file)}
	case "ls", "stat":
		return answer{output: fmt.Sprintf("%s: %s: No such file or directory", name, file)}
	}
	return answer{output: fmt.Sprintf("command %q exited with 1", strings.Join(command, " "))}
}
