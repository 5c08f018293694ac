package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Client is the name in the certificate by which the API server makes itself known to kubelets; nobody else is answered.
const Client = "kube-apiserver-kubelet-client"

var everything = labels.Everything()

// server is where the API server asks for logs: one for all nodes, on the loopback interface.
type server struct {
	port int32
}

// serve answers until ctx ends. Its certificate is pki/kubelet.crt in the cluster's folder.
func serve(ctx context.Context, k *Kubelets) (*server, error) {
	pki := filepath.Join(k.world.Dir, "pki")
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, "kubelet.crt"), filepath.Join(pki, "kubelet.key"))
	if err != nil {
		return nil, fmt.Errorf("the kubelets have no certificate: %w", err)
	}
	authority, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	listener, err := net.Listen("tcp", hostIP+":0")
	if err != nil {
		return nil, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(errors.New("no TCP port to listen at"), listener.Close())
	}
	answering := &http.Server{
		Handler:           onlyFor(Client, k.routes()),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
			NextProtos: []string{"http/1.1"}, // exec and port-forward upgrade the connection, which HTTP/2 cannot
		},
	}
	go func() {
		if err := answering.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the kubelets' logs cannot be read any more", "error", err)
		}
	}()
	go func() {
		<-ctx.Done()
		_ = answering.Close()
	}()
	return &server{port: int32(address.Port)}, nil
}

// onlyFor lets one client in, by the name in its certificate.
func onlyFor(client string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.TLS == nil || len(request.TLS.PeerCertificates) == 0 || request.TLS.PeerCertificates[0].Subject.CommonName != client {
			http.Error(response, "Forbidden", http.StatusForbidden)
			return
		}
		next.ServeHTTP(response, request)
	})
}

func (k *Kubelets) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.serveLogs)
	for path, verb := range map[string]string{
		"/exec/": "run a command in", "/attach/": "attach to", "/portForward/": "forward a port to", "/run/": "run a command in",
	} {
		routes.HandleFunc(path, func(response http.ResponseWriter, _ *http.Request) {
			http.Error(response, fmt.Sprintf(
				"containers are played on the practice cluster: none runs here that one could %s", verb), http.StatusNotImplemented)
		})
	}
	return routes
}

// serveLogs answers `kubectl logs`.
func (k *Kubelets) serveLogs(response http.ResponseWriter, request *http.Request) {
	asked := askedFor(request.URL.Query(), time.Now())
	name, pod := request.PathValue("container"), request.PathValue("pod")
	k.mutex.Lock()
	memory := k.memories[request.PathValue("namespace")+"/"+pod]
	k.mutex.Unlock()
	if memory == nil {
		http.Error(response, fmt.Sprintf("pod %q cannot be found - no logs available", pod), http.StatusNotFound)
		return
	}
	log, err := memory.read(name, pod, asked.previous, time.Now())
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writer := &logWriter{to: response, asked: asked, left: asked.limit}
	writer.write(asked.of(log.lines))
	if asked.follow {
		memory.follow(request.Context(), name, log, writer.write)
	}
}

// logQuery is what of a log is asked for.
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/, "read log of the specified Pod")
type logQuery struct {
	follow, previous, timestamps bool
	since                        time.Time
	tail, limit                  int // below zero: all
}

func askedFor(query url.Values, now time.Time) logQuery {
	asked := logQuery{
		follow: query.Get("follow") == "true", previous: query.Get("previous") == "true", timestamps: query.Get("timestamps") == "true",
		tail: -1, limit: -1,
	}
	if count, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		asked.tail = count
	}
	if bytes, err := strconv.Atoi(query.Get("limitBytes")); err == nil {
		asked.limit = bytes
	}
	if seconds, err := strconv.Atoi(query.Get("sinceSeconds")); err == nil {
		asked.since = now.Add(-time.Duration(seconds) * time.Second)
	} else if since, err := time.Parse(time.RFC3339, query.Get("sinceTime")); err == nil {
		asked.since = since
	}
	return asked
}

// of are the lines among a log's that are asked for.
func (q logQuery) of(lines []line) []line {
	first := 0
	for first < len(lines) && lines[first].at.Before(q.since) {
		first++
	}
	lines = lines[first:]
	if q.tail >= 0 {
		lines = lines[max(0, len(lines)-q.tail):]
	}
	return lines
}

// logWriter writes lines as they come, up to a number of bytes.
type logWriter struct {
	to    http.ResponseWriter
	asked logQuery
	left  int
}

// write tells whether there is any use in more.
func (w *logWriter) write(lines []line) bool {
	for _, one := range lines {
		text := one.text + "\n"
		if w.asked.timestamps {
			text = one.at.UTC().Format("2006-01-02T15:04:05.000000000Z ") + text
		}
		if w.asked.limit >= 0 {
			text = text[:min(w.left, len(text))]
			w.left -= len(text)
		}
		if _, err := io.WriteString(w.to, text); err != nil || w.asked.limit >= 0 && w.left == 0 {
			return false
		}
	}
	return http.NewResponseController(w.to).Flush() == nil
}

// readLog is a container's log at a moment.
type readLog struct {
	lines   []line
	next    time.Time       // when the next line is due
	run     string          // the ID of the run that wrote it; empty when it is over
	changed <-chan struct{} // closed at the Pod's next change
}

// read is what a container has written, in its present run or the one before.
func (m *Memory) read(name, pod string, previous bool, now time.Time) (readLog, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, c := range m.all() {
		if c.spec.Name != name {
			continue
		}
		switch {
		case previous && c.last.Terminated == nil:
			return readLog{}, fmt.Errorf("previous terminated container %q in pod %q not found", name, pod)
		case previous:
			return readLog{lines: c.previous}, nil
		case c.id == "":
			return readLog{}, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, pod, c.waitsFor())
		}
		lines, next := c.log(now)
		log := readLog{lines: lines, next: next}
		if c.state.Running != nil {
			if m.changed == nil {
				m.changed = make(chan struct{})
			}
			log.run, log.changed = c.id, m.changed
		}
		return log, nil
	}
	return readLog{}, fmt.Errorf("container %q in pod %q is not available", name, pod)
}

// waitsFor is why a container has not started yet.
func (c *container) waitsFor() string {
	switch {
	case c.state.Waiting == nil:
		return "ContainerCreating"
	case c.state.Waiting.Reason == "ImagePullBackOff" || c.state.Waiting.Reason == "ErrImagePull":
		return "trying and failing to pull image"
	}
	return c.state.Waiting.Reason
}

// follow has the lines written that a run adds to its log, until the run ends or nobody wants more.
func (m *Memory) follow(ctx context.Context, name string, log readLog, write func([]line) bool) {
	for run := log.run; run != ""; {
		var due <-chan time.Time
		if !log.next.IsZero() {
			due = time.After(time.Until(log.next))
		}
		select {
		case <-ctx.Done():
			return
		case <-log.changed:
		case <-due:
		}
		seen := log.last()
		now, err := m.read(name, "", false, time.Now())
		if err != nil {
			return
		}
		if now.run != run && now.run != "" { // it has been started again meanwhile: what is left is the end of the one before
			if now, err = m.read(name, "", true, time.Now()); err != nil {
				return
			}
		}
		log = now
		if !write(logQuery{since: seen.Add(1), tail: -1}.of(log.lines)) || log.run != run {
			return
		}
	}
}

// last is when the newest line was written.
func (l readLog) last() time.Time {
	if len(l.lines) == 0 {
		return time.Time{}
	}
	return l.lines[len(l.lines)-1].at
}

// tellWhere writes into a node's status where its kubelet answers, as a kubelet does when it registers.
func (k *Kubelets) tellWhere(ctx context.Context, name string) error {
	node, err := k.nodes.Get(name)
	if err != nil {
		return nil // it is gone
	}
	here := node.DeepCopy()
	here.Status.DaemonEndpoints.KubeletEndpoint.Port = k.server.port
	here.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: hostIP}, {Type: corev1.NodeHostName, Address: name},
	}
	if whereEqual(node, here) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"addresses": here.Status.Addresses, "daemonEndpoints": here.Status.DaemonEndpoints,
	}})
	if err != nil {
		return err
	}
	_, err = k.world.Client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

func whereEqual(one, other *corev1.Node) bool {
	address := func(node *corev1.Node) (internal string) {
		for _, each := range node.Status.Addresses {
			if each.Type == corev1.NodeInternalIP {
				internal = each.Address
			}
		}
		return internal
	}
	return one.Status.DaemonEndpoints == other.Status.DaemonEndpoints && address(one) == address(other)
}
