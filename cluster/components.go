package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the controllers' own request metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // serves the version as a metric
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"practice-cluster/standins"
	"practice-cluster/standins/ingress"
	"practice-cluster/standins/kubelet"
	"practice-cluster/standins/metrics"
	"practice-cluster/standins/velero"
	"practice-cluster/standins/volumes"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	_ "time/tzdata" // CronJob time zones where the machine has no zone database
)

// components are the programs of a control plane, each under its own name.
// They take the flags that the official binaries of that name take.
var components = map[string]func(args []string) int{
	"etcd":                    runEtcd,
	"kube-apiserver":          official(apiserver.NewAPIServerCommand),
	"kube-controller-manager": official(controllers.NewControllerManagerCommand),
	"kube-scheduler":          official(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kwok":                    runKwok,
	"stand-ins":               runStandIns,
}

func official(newCommand func() *cobra.Command) func([]string) int {
	return func(args []string) int {
		command := newCommand()
		command.SetArgs(args)
		return cli.Run(command)
	}
}

// runEtcd serves the API server's database: one member, on the loopback interface, to holders of a certificate of ours only.
// Its flags are our own, the few that a single member needs.
func runEtcd(args []string) int {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dataDir := flags.String("data-dir", "", "where the database is kept")
	clientPort := flags.Int("client-port", 0, "the port that the API server connects to")
	peerPort := flags.Int("peer-port", 0, "the port for other members; there are none, but etcd insists")
	ca := flags.String("ca-file", "", "the authority that clients' certificates must come from")
	cert := flags.String("cert-file", "", "the serving certificate")
	key := flags.String("key-file", "", "its key")
	volatile := flags.Bool("volatile", false, "never wait for the disk: faster, and lost with the power")
	_ = flags.Parse(args)

	at := func(scheme string, port int) []url.URL {
		return []url.URL{{Scheme: scheme, Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	config := embed.NewConfig()
	config.Dir = *dataDir
	config.LogLevel = "warn"
	config.ListenClientUrls, config.AdvertiseClientUrls = at("https", *clientPort), at("https", *clientPort)
	config.ListenPeerUrls, config.AdvertisePeerUrls = at("http", *peerPort), at("http", *peerPort)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ClientTLSInfo = transport.TLSInfo{CertFile: *cert, KeyFile: *key, TrustedCAFile: *ca, ClientCertAuth: true}
	config.UnsafeNoFsync = *volatile
	// There is no other member to hear a heartbeat, so it need not beat ten times a second.
	config.TickMs, config.ElectionMs = 500, 2500
	// Nor need the database file be brought up to date so often: what is written is safe in the log before that.
	config.BackendBatchInterval = time.Second
	config.AutoCompactionMode, config.AutoCompactionRetention = "periodic", "5m"
	server, err := embed.StartEtcd(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd could not start:", err)
		return 1
	}
	defer server.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	select {
	case <-stop:
		return 0
	case err := <-server.Err():
		fmt.Fprintln(os.Stderr, "etcd stopped:", err)
		return 1
	}
}

// runStandIns plays what is not really there, in one process. Its flags are our own.
func runStandIns(args []string) int {
	flags := flag.NewFlagSet("stand-ins", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the API server")
	dir := flags.String("data", "", "the folder with the cluster's state")
	_ = flags.Parse(args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err == nil {
		config.QPS, config.Burst = 200, 400
		err = standins.Run(ctx, config, *dir, parts()...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the stand-ins stopped:", err)
		return 1
	}
	return 0
}

// parts are the stand-ins of a practice cluster.
func parts() []standins.Part {
	return []standins.Part{kubelet.New(), volumes.New(), ingress.New(), ingress.NewCloud(), velero.New(), metrics.New()}
}

// runKwok plays the nodes.
func runKwok(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	// kwok reads its own configuration from os.Args before cobra sees the flags.
	os.Args = append([]string{"kwok"}, args...)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = kwoklog.InitFlags(ctx, flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kwok could not read its configuration:", err)
		return 1
	}
	command := kwok.NewCommand(ctx)
	// Kubernetes' own --version is among the global flags here; cobra would take it for kwok's.
	command.Version = ""
	command.SetArgs(args)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kwok stopped:", err)
		return 1
	}
	return 0
}
