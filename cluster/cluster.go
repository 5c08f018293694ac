package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"practice-cluster/advice"
	"practice-cluster/standins/kubelet"
	"practice-cluster/standins/metrics"
)

const (
	defaultName   = "practice"
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
	dir      string
	ports    ports
	settings settings
}

// ports are kept between runs where they are still free, so that a kubeconfig that was copied elsewhere stays valid.
type ports struct {
	API, Etcd, EtcdPeer int
}

// launchOptions are what `up` can be told.
type launchOptions struct {
	timeout  time.Duration
	port     int
	context  string
	merge    bool
	volatile bool
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
	if err := c.readJSON("ports.json", &c.ports); err != nil {
		return nil, err
	}
	return c, c.readJSON("settings.json", &c.settings)
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

// context is the name of the cluster's context in kubeconfigs.
func (c *cluster) context() string {
	if c.settings.Context == "" {
		return defaultName
	}
	return c.settings.Context
}

// up starts what does not run yet and waits until Pods can be scheduled. When that fails or is interrupted, nothing that it started is left.
func (c *cluster) up(options launchOptions) error {
	started := time.Now()
	interrupted, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer release()
	ctx, cancel := context.WithTimeout(interrupted, options.timeout)
	defer cancel()
	if err := c.checkOptions(options); err != nil {
		return err
	}
	if err := c.makeFolders(); err != nil {
		return err
	}
	unlock, err := c.lockCommands(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.reread(); err != nil {
		return err
	}
	if err := c.bringUp(ctx, options); err != nil {
		return c.afterFailure(err, interrupted, ctx, release)
	}
	if options.merge {
		err = c.mergeKubeconfig()
	} else if err = c.refreshMerged(); err != nil {
		fmt.Fprintf(os.Stderr, "The entry that up --merge made could not be brought up to date: %v\n", err)
		err = nil
	}
	fmt.Fprintf(os.Stderr, "The practice cluster is ready after %.1f s. Containers are played here: no program in them really runs.\n",
		time.Since(started).Seconds())
	if c.settings.Merged == nil {
		fmt.Fprintf(os.Stderr, "Use it in this shell with: export KUBECONFIG=%s\n", shellWord(c.kubeconfig()))
	}
	fmt.Println(c.kubeconfig())
	return err
}

// bringUp does the work of up, under the lock.
func (c *cluster) bringUp(ctx context.Context, options launchOptions) error {
	progress := newProgress(os.Stderr)
	defer progress.clear()
	if err := c.rename(options.context); err != nil {
		return err
	}
	alive := c.running()
	if len(alive) > 0 {
		if options.port != 0 && options.port != c.ports.API && len(alive) == len(order) {
			return fmt.Errorf("it runs already, on port %d. To move it to port %d, stop it first: %s",
				c.ports.API, options.port, advice.Command("down"))
		}
		if why := c.whyAnew(alive); why != "" {
			fmt.Fprintln(os.Stderr, why)
			if err := c.stopAll(); err != nil {
				return err
			}
			alive = nil
		}
	}
	if len(alive) < len(order) {
		if err := c.launch(ctx, options, progress); err != nil {
			return err
		}
	}
	progress.say("waiting for the nodes")
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
	return c.waitForMetrics(ctx, client)
}

// afterFailure stops what a failed or interrupted up has started, so that no half cluster stays behind.
func (c *cluster) afterFailure(failure error, interrupted, ctx context.Context, release func()) error {
	stopped, late := interrupted.Err() != nil, ctx.Err() != nil
	release() // a second Ctrl-C ends this at once; it cancels both contexts
	switch {
	case stopped:
		failure = errors.New("interrupted. Nothing of it runs; start it again with: " + advice.Command("up"))
	case late:
		failure = fmt.Errorf("%w\nOn a slow or busy machine, give it longer: %s", failure, advice.Command("up --timeout 5m"))
	}
	if len(c.running()) == len(order) && !stopped && !late {
		return failure // it runs as before, and what was asked of it is not possible
	}
	return errors.Join(failure, c.stopAll())
}

func (c *cluster) launch(ctx context.Context, options launchOptions, progress *progress) error {
	if err := c.checkBeforeStart(); err != nil {
		return err
	}
	if err := c.choosePorts(options.port); err != nil {
		return err
	}
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "kwok.yaml"), []byte(stages()), 0o600); err != nil {
		return err
	}
	c.settings.Kubernetes, c.settings.Program = kubernetesVersion(), programPrint()
	if err := c.saveSettings(); err != nil {
		return err
	}
	progress.say("starting etcd and the API server")
	pki := func(name string) string { return filepath.Join(c.dir, "pki", name) }
	frontProxy := func(name string) string { return pki(filepath.Join(metrics.FrontProxyFolder, name)) }
	etcdArgs := []string{
		"--data-dir", filepath.Join(c.dir, "etcd"),
		"--client-port", fmt.Sprint(c.ports.Etcd), "--peer-port", fmt.Sprint(c.ports.EtcdPeer),
		"--ca-file", pki("ca.crt"), "--cert-file", pki("etcd.crt"), "--key-file", pki("etcd.key"),
	}
	if options.volatile {
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
		"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority="+pki("ca.crt"),
		"--kubelet-client-certificate="+pki("kubelet-client.crt"), "--kubelet-client-key="+pki("kubelet-client.key"),
		"--feature-gates=UnknownVersionInteroperabilityProxy=false", // it would ask every few seconds for other API servers
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
	progress.say("starting the controllers, the scheduler and the nodes")
	if err := c.start("kube-controller-manager",
		"--kubeconfig="+c.identity("kube-controller-manager"),
		"--service-account-private-key-file="+pki("service-accounts.key"), "--root-ca-file="+pki("ca.crt"),
		"--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"),
		"--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0", "--profiling=false",
		// It looks ten times a second for disks to attach to machines, and there are neither.
		"--controllers=*,-persistentvolume-attach-detach-controller",
	); err != nil {
		return err
	}
	if err := c.start("kube-scheduler",
		"--kubeconfig="+c.identity("kube-scheduler"), "--leader-elect=false", "--secure-port=0", "--profiling=false",
	); err != nil {
		return err
	}
	if err := c.start("kwok",
		"--kubeconfig="+c.identity("kwok"), "--config=kwok.yaml", // in the folder that it runs in: it takes a comma in a path for the end of one
		"--manage-all-nodes=true", fmt.Sprintf("--node-lease-duration-seconds=%d", leaseSeconds), "--node-ip=127.0.0.1",
	); err != nil {
		return err
	}
	return c.start("stand-ins", "--kubeconfig="+c.identity("stand-ins"), "--data="+c.dir)
}

// choosePorts keeps the ports of the last run where they are free, and takes free ones otherwise; an API port that was asked for must be free.
func (c *cluster) choosePorts(wanted int) error {
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	last := c.ports.API
	if wanted != 0 {
		c.ports.API = wanted
	}
	for _, port := range []*int{&c.ports.API, &c.ports.Etcd, &c.ports.EtcdPeer} {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
		if err != nil && port == &c.ports.API && wanted != 0 {
			return fmt.Errorf("port %d on 127.0.0.1 cannot be used (%w). Choose another with --port, or leave --port out to have a free one", wanted, bare(err))
		}
		if err != nil {
			listener, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return fmt.Errorf("no port on 127.0.0.1 can be used: %w. The cluster needs the IPv4 loopback address, so bring up the lo interface", bare(err))
		}
		held = append(held, listener)
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	if last != 0 && last != c.ports.API && wanted == 0 {
		fmt.Fprintf(os.Stderr, "Port %d of the last time is another program's now, so the API server moves to %d. Kubeconfigs that you copied need the new one.\n",
			last, c.ports.API)
	}
	return c.writeJSON("ports.json", c.ports)
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
		"kubelet":                 {name: "system:node:practice", group: "system:nodes", hosts: loopback},
		"kubelet-client":          {name: kubelet.Client},
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
	context := c.context()
	config.Clusters[context] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://127.0.0.1:%d", c.ports.API),
		CertificateAuthorityData: read("ca.crt"),
	}
	user := c.userName(name)
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: read(name + ".crt"), ClientKeyData: read(name + ".key")}
	config.Contexts[context] = &clientcmdapi.Context{Cluster: context, AuthInfo: user, Namespace: c.namespaceIn(path)}
	config.CurrentContext = context
	data, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return replaceFile(path, data, 0o600)
}

// namespaceIn keeps the default namespace that the learner has set: lesson 1 asks for it.
func (c *cluster) namespaceIn(path string) string {
	old, err := clientcmd.LoadFromFile(path)
	if err != nil || old.Contexts[old.CurrentContext] == nil {
		return ""
	}
	return old.Contexts[old.CurrentContext].Namespace
}

func (c *cluster) userName(identity string) string {
	if identity == adminIdentity {
		return c.context() + "-admin"
	}
	return identity
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

// down stops every component. An up that is still at work in this folder is stopped first.
func (c *cluster) down(forget bool) error {
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := os.MkdirAll(filepath.Join(c.dir, "run"), 0o700); err != nil {
		return c.notWritable(err)
	}
	unlock, err := c.lockCommands(ctx, true)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.reread(); err != nil {
		return err
	}
	if err := c.stopAll(); err != nil || !forget {
		return err
	}
	if err := c.unmergeKubeconfig(); err != nil {
		return fmt.Errorf("%w\nThe cluster is stopped, but not deleted", err)
	}
	return c.remove()
}

// stopAll stops every component, the last started first.
func (c *cluster) stopAll() error {
	for index := len(order) - 1; index >= 0; index-- {
		if err := c.stop(order[index]); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) logOf(name string) string { return filepath.Join(c.dir, "logs", name+".log") }
