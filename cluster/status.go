package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"practice-cluster/advice"
)

// state is what `status --json` prints. Fields may be added; none is renamed or dropped.
type state struct {
	Running    bool                      `json:"running"` // all components do
	Ready      bool                      `json:"ready"`   // and the API server says that it is
	Version    string                    `json:"version"` // of Kubernetes, as the API server says it; empty when it does not answer
	Kubeconfig string                    `json:"kubeconfig"`
	Context    string                    `json:"context"`
	Data       string                    `json:"data"`
	Components map[string]componentState `json:"components"`
	Nodes      []nodeState               `json:"nodes"`
	Problem    string                    `json:"problem,omitempty"` // one sentence, when it runs and is not ready
}

type componentState struct {
	Running bool   `json:"running"`
	PID     int    `json:"pid,omitempty"`
	Log     string `json:"log"`
}

type nodeState struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

// state looks at the cluster as it is now.
func (c *cluster) state() state {
	s := state{
		Kubeconfig: c.kubeconfig(), Context: c.kubeconfigContext(), Data: c.dir, Components: map[string]componentState{}, Nodes: []nodeState{},
	}
	for _, name := range order {
		component := componentState{Running: c.alive(name), Log: c.logOf(name)}
		if process, err := c.process(name); component.Running && err == nil {
			component.PID = process.Pid
		}
		s.Components[name] = component
	}
	alive := c.running()
	s.Running = len(alive) == len(order)
	switch {
	case s.Running:
		c.ask(&s)
	case c.alive(commandLock):
		s.Problem = "It is being started or stopped at this moment."
	case len(alive) > 0:
		s.Problem = fmt.Sprintf("Only %s runs. Mend it with: %s", strings.Join(alive, ", "), advice.Command("up"))
	}
	return s
}

// ask fills in what only the API server knows.
func (c *cluster) ask(s *state) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, err := c.client()
	if err == nil {
		err = ready(ctx, client)
	}
	if err != nil {
		s.Problem = fmt.Sprintf("It runs, but the API server is not ready: %v. Its log: %s", err, c.logOf("kube-apiserver"))
		switch free, spaceErr := freeSpace(c.dir); {
		case !c.certificatesGood(time.Now()):
			s.Problem = "It runs, but its certificates have ended or the clock was moved. Mend it with: " + advice.Command("up")
		case spaceErr == nil && free < 1<<20:
			s.Problem = fmt.Sprintf("It runs, but the disk of %s is full. Make room, then: %s, %s",
				c.dir, advice.Command("down"), advice.Command("up"))
		}
		return
	}
	if version, err := client.Discovery().ServerVersion(); err == nil {
		s.Version = version.GitVersion
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		s.Problem = fmt.Sprintf("It runs, but does not list its nodes: %v", err)
		return
	}
	for _, node := range nodes.Items {
		s.Nodes = append(s.Nodes, nodeState{node.Name, isReady(node)})
	}
	s.Ready = true
}

func (s state) printJSON(to io.Writer) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(s)
}

func (s state) print(to io.Writer) {
	switch {
	case s.Problem != "":
		fmt.Fprintln(to, s.Problem)
	case !s.Running:
		fmt.Fprintln(to, "The practice cluster is not running. Start it with:", advice.Command("up"))
	default:
		ready := 0
		for _, node := range s.Nodes {
			if node.Ready {
				ready++
			}
		}
		fmt.Fprintf(to, "The practice cluster runs Kubernetes %s with %d of %d nodes Ready. Use it with: export KUBECONFIG=%s\n",
			s.Version, ready, len(s.Nodes), shellWord(s.Kubeconfig))
	}
}

// progress is one line that says what is being waited for, on a terminal; elsewhere it is silent.
type progress struct {
	to       *os.File
	terminal bool
}

func newProgress(to *os.File) *progress {
	info, err := to.Stat()
	return &progress{to, err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"}
}

func (p *progress) say(what string) {
	if p.terminal {
		fmt.Fprintf(p.to, "\r\033[KThe practice cluster: %s …", what)
	}
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.to, "\r\033[K")
	}
}
