package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"practice-cluster/standins/metrics"
)

const (
	contextName   = "practice"
	serviceRange  = "10.96.0.0/16"
	serviceOfAPI  = "10.96.0.1"
	issuer        = "https://kubernetes.default.svc.cluster.local"
	leaseSeconds  = 40
	adminIdentity = "admin"
)

// order is that of starting; stopping goes backwards.
var order = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "stand-ins"}

// cluster is one practice cluster: a folder with its certificates, database, logs and kubeconfig.
type cluster struct {
	dir   string
	ports ports
}

// ports are kept between runs where they are still free, so that a kubeconfig that was merged elsewhere stays valid.
type ports struct {
	API, Etcd, EtcdPeer int
}

// open reads the state in dir, the user's data folder when empty. The cluster need not exist yet.
func open(dir string) (*cluster, error) {
	if dir == "" {
		base, err := dataHome()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(base, "kubernetes-course", "practice-cluster")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	data, err := os.ReadFile(filepath.Join(dir, "ports.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return c, json.Unmarshal(data, &c.ports)
}

func dataHome() (string, error) {
	if home := os.Getenv("XDG_DATA_HOME"); home != "" {
		return home, nil
	}
	home, err := os.UserHomeDir()
	switch {
	case err != nil:
		return "", fmt.Errorf("there is no home folder to keep data in (%w). Name one with --data", err)
	case runtime.GOOS == "windows":
		return filepath.Join(home, "AppData", "Local"), nil
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support"), nil
	}
	return filepath.Join(home, ".local", "share"), nil
}

func (c *cluster) kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

func (c *cluster) running() (alive []string) {
	for _, name := range order {
		if c.alive(name) {
			alive = append(alive, name)
		}
	}
	return alive
}

// up starts what does not run yet and waits until Pods can be scheduled.
func (c *cluster) up(timeout time.Duration, volatile bool) error {
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	alive := c.running()
	if 0 < len(alive) && len(alive) < len(order) {
		fmt.Fprintf(os.Stderr, "Only %s still runs; stopping it to start afresh.\n", strings.Join(alive, ", "))
		if err := c.down(false); err != nil {
			return err
		}
	}
	if len(alive) < len(order) {
		if err := c.launch(ctx, volatile); err != nil {
			return err
		}
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := c.waitForAPI(ctx, client); err != nil {
		return err
	}
	extensions, err := c.extensions()
	if err != nil {
		return err
	}
	if err := furnish(ctx, client, extensions); err != nil {
		return err
	}
	if err := c.waitForNodes(ctx, client); err != nil {
		return err
	}
	if err := c.waitForMetrics(ctx, client); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "The practice cluster is ready after %.1f s. Containers are played here: there are no logs, no exec, no traffic.\n",
		time.Since(started).Seconds())
	fmt.Fprintf(os.Stderr, "Use it in this shell with: export KUBECONFIG=%s\n", c.kubeconfig())
	fmt.Println(c.kubeconfig())
	return nil
}

func (c *cluster) launch(ctx context.Context, volatile bool) error {
	for _, folder := range []string{"", "pki", filepath.Join("pki", metrics.FrontProxyFolder), "logs", "run", "etcd"} {
		if err := os.MkdirAll(filepath.Join(c.dir, folder), 0o700); err != nil {
			return err
		}
	}
	if err := c.choosePorts(); err != nil {
		return err
	}
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "kwok.yaml"), []byte(stages()), 0o600); err != nil {
		return err
	}
	pki := func(name string) string { return filepath.Join(c.dir, "pki", name) }
	frontProxy := func(name string) string { return pki(filepath.Join(metrics.FrontProxyFolder, name)) }
	etcdArgs := []string{
		"--data-dir", filepath.Join(c.dir, "etcd"),
		"--client-port", fmt.Sprint(c.ports.Etcd), "--peer-port", fmt.Sprint(c.ports.EtcdPeer),
		"--ca-file", pki("ca.crt"), "--cert-file", pki("etcd.crt"), "--key-file", pki("etcd.key"),
	}
	if volatile {
		etcdArgs = append(etcdArgs, "--volatile")
	}
	if err := c.start("etcd", etcdArgs...); err != nil {
		return err
	}
	if err := c.start("kube-apiserver",
		fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", c.ports.Etcd),
		"--etcd-cafile="+pki("ca.crt"), "--etcd-certfile="+pki("etcd.crt"), "--etcd-keyfile="+pki("etcd.key"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.API),
		"--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		"--client-ca-file="+pki("ca.crt"),
		// The aggregation layer, behind which the metrics APIs are; the headers are named as everywhere.
		"--requestheader-client-ca-file="+frontProxy("ca.crt"), "--requestheader-allowed-names="+metrics.FrontProxyClient,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-uid-headers=X-Remote-Uid",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+frontProxy(metrics.FrontProxyClient+".crt"),
		"--proxy-client-key-file="+frontProxy(metrics.FrontProxyClient+".key"),
		"--service-account-issuer="+issuer,
		"--service-account-key-file="+pki("service-accounts.key"), "--service-account-signing-key-file="+pki("service-accounts.key"),
		"--service-cluster-ip-range="+serviceRange,
		"--authorization-mode=RBAC",
		"--allow-privileged=true", // as kubeadm and kind have it; Pod Security is what forbids it
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	// The others exit when the API server is not there yet.
	if err := c.waitForAPI(ctx, client); err != nil {
		return err
	}
	if err := c.start("kube-controller-manager",
		"--kubeconfig="+c.identity("kube-controller-manager"),
		"--service-account-private-key-file="+pki("service-accounts.key"), "--root-ca-file="+pki("ca.crt"),
		"--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"),
		"--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0", "--profiling=false",
	); err != nil {
		return err
	}
	if err := c.start("kube-scheduler",
		"--kubeconfig="+c.identity("kube-scheduler"), "--leader-elect=false", "--secure-port=0", "--profiling=false",
	); err != nil {
		return err
	}
	if err := c.start("kwok",
		"--kubeconfig="+c.identity("kwok"), "--config="+filepath.Join(c.dir, "kwok.yaml"),
		"--manage-all-nodes=true", fmt.Sprintf("--node-lease-duration-seconds=%d", leaseSeconds), "--cidr=10.244.0.0/16",
	); err != nil {
		return err
	}
	return c.start("stand-ins", "--kubeconfig="+c.identity("stand-ins"), "--data="+c.dir)
}

// choosePorts keeps the ports of the last run where they are free, and takes free ones otherwise.
func (c *cluster) choosePorts() error {
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	for _, port := range []*int{&c.ports.API, &c.ports.Etcd, &c.ports.EtcdPeer} {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
		if err != nil {
			listener, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return fmt.Errorf("no free port on 127.0.0.1: %w", err)
		}
		held = append(held, listener)
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	data, err := json.Marshal(c.ports)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "ports.json"), data, 0o600)
}

// writeIdentities makes the certificates of this run, and a kubeconfig for each component and for the learner.
func (c *cluster) writeIdentities() error {
	authority, err := openAuthority(filepath.Join(c.dir, "pki"))
	if err != nil {
		return err
	}
	if _, err := authority.signingKey("service-accounts.key"); err != nil {
		return err
	}
	loopback := []string{"127.0.0.1", "localhost"}
	for name, who := range map[string]subject{
		"apiserver":               {name: "kube-apiserver", hosts: append(loopback, serviceOfAPI, "kubernetes", "kubernetes.default.svc")},
		"etcd":                    {name: "etcd", hosts: loopback},
		"kube-controller-manager": {name: "system:kube-controller-manager"},
		"kube-scheduler":          {name: "system:kube-scheduler"},
		"kwok":                    {name: "kwok", group: "system:masters"},
		"stand-ins":               {name: "stand-ins", group: "system:masters"},
		metrics.Certificate:       {name: "metrics", hosts: metrics.Hosts()},
		adminIdentity:             {name: "practice-admin", group: "system:masters"},
	} {
		if err := authority.issue(name, who); err != nil {
			return err
		}
	}
	frontProxy, err := openAuthority(filepath.Join(c.dir, "pki", metrics.FrontProxyFolder))
	if err == nil {
		err = frontProxy.issue(metrics.FrontProxyClient, subject{name: metrics.FrontProxyClient})
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"kube-controller-manager", "kube-scheduler", "kwok", "stand-ins"} {
		if err := c.writeKubeconfig(c.identity(name), name); err != nil {
			return err
		}
	}
	return c.writeKubeconfig(c.kubeconfig(), adminIdentity)
}

func (c *cluster) identity(name string) string {
	return filepath.Join(c.dir, "pki", name+".kubeconfig")
}

func (c *cluster) writeKubeconfig(path, name string) error {
	read := func(file string) []byte {
		data, _ := os.ReadFile(filepath.Join(c.dir, "pki", file)) // issued a moment ago
		return data
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://127.0.0.1:%d", c.ports.API),
		CertificateAuthorityData: read("ca.crt"),
	}
	user := contextName + "-" + name
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: read(name + ".crt"), ClientKeyData: read(name + ".key")}
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: user, Namespace: c.namespaceIn(path)}
	config.CurrentContext = contextName
	return clientcmd.WriteToFile(*config, path)
}

// namespaceIn keeps the default namespace that the learner has set: lesson 1 asks for it.
func (c *cluster) namespaceIn(path string) string {
	old, err := clientcmd.LoadFromFile(path)
	if err != nil || old.Contexts[contextName] == nil {
		return ""
	}
	return old.Contexts[contextName].Namespace
}

func (c *cluster) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("its kubeconfig cannot be read: %w", err)
	}
	config.QPS, config.Burst = 100, 100
	return config, nil
}

func (c *cluster) client() (*kubernetes.Clientset, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func (c *cluster) extensions() (*apiextensions.Clientset, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	return apiextensions.NewForConfig(config)
}

// down stops every component, the last started first.
func (c *cluster) down(forget bool) error {
	for index := len(order) - 1; index >= 0; index-- {
		if err := c.stop(order[index]); err != nil {
			return err
		}
	}
	if forget {
		return os.RemoveAll(c.dir)
	}
	return nil
}

// status prints what runs. The cluster counts as running when all of it does and the API server says that it is ready.
func (c *cluster) status() (bool, error) {
	alive := c.running()
	switch len(alive) {
	case 0:
		fmt.Println("The practice cluster is not running. Start it with: practice-cluster up")
		return false, nil
	case len(order):
	default:
		fmt.Printf("Only %s runs. Mend it with: practice-cluster up\n", strings.Join(alive, ", "))
		return false, nil
	}
	client, err := c.client()
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := ready(ctx, client); err != nil {
		fmt.Printf("It runs, but the API server is not ready: %v\nIts log: %s\n", err, c.logOf("kube-apiserver"))
		return false, nil
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return false, err
	}
	fmt.Printf("The practice cluster runs Kubernetes %s. Use it with: export KUBECONFIG=%s\n", version.GitVersion, c.kubeconfig())
	return true, nil
}

func (c *cluster) logOf(name string) string { return filepath.Join(c.dir, "logs", name+".log") }
