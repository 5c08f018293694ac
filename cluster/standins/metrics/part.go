package metrics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"practice-cluster/standins"
)

// Names of the files that the part reads, below the folder `pki` of the cluster's state. As kubeadm does, the API server's identity towards
// us comes from an authority of its own: a certificate of the cluster's other authority must never be able to speak for everybody.
const (
	Certificate      = "metrics"
	FrontProxyFolder = "front-proxy"
	FrontProxyClient = "front-proxy-client"
)

const (
	shutdownGrace = 2 * time.Second
	readTimeout   = 10 * time.Second
	// The API server keeps its connections; they should not be closed and dialled again at each of its checks, 30 s apart.
	idleTimeout = 2 * time.Minute
)

// Part is the stand-in for metrics-server and for a custom metrics adapter.
type Part struct {
	world       *standins.World
	pods        corelisters.PodLister
	nodes       corelisters.NodeLister
	configs     corelisters.ConfigMapLister
	replicaSets appslisters.ReplicaSetLister
}

// New is the part, not yet prepared.
func New() *Part { return &Part{} }

// Name is what the logs call it.
func (p *Part) Name() string { return "metrics" }

// Prepare registers the caches that usage is computed from.
func (p *Part) Prepare(world *standins.World) error {
	p.world = world
	core := world.Informers.Core().V1()
	p.pods, p.nodes, p.configs = core.Pods().Lister(), core.Nodes().Lister(), core.ConfigMaps().Lister()
	p.replicaSets = world.Informers.Apps().V1().ReplicaSets().Lister()
	for _, informer := range []interface{ HasSynced() bool }{
		core.Pods().Informer(), core.Nodes().Informer(), core.ConfigMaps().Informer(), world.Informers.Apps().V1().ReplicaSets().Informer(),
	} {
		_ = informer.HasSynced() // asking for an informer is what makes the factory start it
	}
	return nil
}

// Run serves the metrics and tells the API server where, until ctx ends.
func (p *Part) Run(ctx context.Context) error {
	port, err := lastPort(ctx, p.world.Dynamic)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	server, err := p.server()
	if err != nil {
		_ = listener.Close()
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	authority, err := os.ReadFile(p.pki("ca.crt"))
	if err == nil {
		err = register(ctx, p.world.Dynamic, authority, int32(listener.Addr().(*net.TCPAddr).Port))
	}
	if err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close()
	}
	return nil
}

// listen takes the port of before where it is free, so that the API server finds us again at once, and any other where it is not.
func listen(ctx context.Context, port int32) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	return listener, err
}

func (p *Part) pki(path ...string) string {
	return filepath.Join(append([]string{p.world.Dir, "pki"}, path...)...)
}

// server speaks TLS, and only with a client whose certificate comes from the front proxy's authority: the API server.
func (p *Part) server() (*http.Server, error) {
	pair, err := tls.LoadX509KeyPair(p.pki(Certificate+".crt"), p.pki(Certificate+".key"))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(p.pki(FrontProxyFolder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(data) {
		return nil, errors.New("the front proxy's authority holds no certificate")
	}
	open, err := p.handler()
	if err != nil {
		return nil, err
	}
	handler, err := guarded(open, clients, p.world.Client)
	if err != nil {
		return nil, err
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug), // who may not connect is told so; our log need not be
		TLSConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{pair},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    clients,
		},
	}, nil
}

// load is what the learner has asked for last.
func (p *Part) load() Load {
	config, err := p.configs.ConfigMaps(LoadNamespace).Get(LoadName)
	if err != nil {
		return nil // there is none
	}
	return LoadFrom(config)
}

// deployment follows the owners of a Pod: its ReplicaSet, and that one's Deployment.
func (p *Part) deployment(pod *corev1.Pod) (types.NamespacedName, bool) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return types.NamespacedName{}, false
	}
	set, err := p.replicaSets.ReplicaSets(pod.Namespace).Get(owner.Name)
	if err != nil {
		return types.NamespacedName{}, false
	}
	above := metav1.GetControllerOf(set)
	if above == nil || above.Kind != "Deployment" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: pod.Namespace, Name: above.Name}, true
}
