package kubelet

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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

// serveLogs answers `kubectl logs`. To follow a log ends at once: what is played is written already.
func (k *Kubelets) serveLogs(response http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	key := request.PathValue("namespace") + "/" + request.PathValue("pod")
	k.mutex.Lock()
	memory := k.memories[key]
	k.mutex.Unlock()
	if memory == nil {
		http.Error(response, fmt.Sprintf("pod %q cannot be found - no logs available", request.PathValue("pod")), http.StatusNotFound)
		return
	}
	lines, began, err := memory.log(request.PathValue("container"), request.PathValue("pod"), query.Get("previous") == "true", time.Now())
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	if seconds, err := strconv.Atoi(query.Get("sinceSeconds")); err == nil && began.Before(time.Now().Add(-time.Duration(seconds)*time.Second)) {
		lines = nil
	}
	if count, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		lines = lines[max(0, len(lines)-count):]
	}
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writer := bufio.NewWriter(response)
	for number, line := range lines {
		if query.Get("timestamps") == "true" {
			line = began.Add(time.Duration(number)*time.Millisecond).UTC().Format(time.RFC3339Nano) + " " + line
		}
		_, _ = fmt.Fprintln(writer, line)
	}
	_ = writer.Flush()
}

// log is what a container has written, in its present run or the one before, and when that began.
func (m *Memory) log(name, pod string, previous bool, now time.Time) ([]string, time.Time, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, c := range m.all() {
		if c.spec.Name != name {
			continue
		}
		switch {
		case previous && c.last.Terminated == nil:
			return nil, now, fmt.Errorf("previous terminated container %q in pod %q not found", name, pod)
		case previous && c.state.Running != nil:
			return c.previous, c.last.Terminated.StartedAt.Time, nil
		case c.id == "" && c.state.Waiting != nil && (c.state.Waiting.Reason == "ImagePullBackOff" || c.state.Waiting.Reason == "ErrImagePull"):
			return nil, now, fmt.Errorf("container %q in pod %q is waiting to start: trying and failing to pull image", name, pod)
		case c.id == "" && c.state.Waiting != nil:
			return nil, now, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, pod, c.state.Waiting.Reason)
		}
		return c.log(now), c.startedAt, nil
	}
	return nil, now, fmt.Errorf("container %q in pod %q is not available", name, pod)
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
