package ingress

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	servicecontroller "k8s.io/cloud-provider/controllers/service"
	featuregate "k8s.io/component-base/featuregate"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"practice-cluster/standins"
)

// Cloud gives an address to every Service of type LoadBalancer. The controller is that of every cloud; only the cloud is played.
type Cloud struct {
	world    *standins.World
	services corelisters.ServiceLister

	mu sync.Mutex
	// reserved are addresses that the Services' status may not show yet, by UID.
	reserved map[string]string
}

// NewCloud is the stand-in for a cloud's load balancers.
func NewCloud() *Cloud { return &Cloud{reserved: map[string]string{}} }

// Name is that of the part in logs.
func (c *Cloud) Name() string { return "load-balancers" }

// Prepare registers the caches.
func (c *Cloud) Prepare(world *standins.World) error {
	c.world = world
	c.services = world.Informers.Core().V1().Services().Lister()
	world.Informers.Core().V1().Services().Informer()
	world.Informers.Core().V1().Nodes().Informer()
	return nil
}

// Run works until ctx ends.
func (c *Cloud) Run(ctx context.Context) error {
	core := c.world.Informers.Core().V1()
	controller, err := servicecontroller.New(provider{c}, c.world.Client, core.Services(), core.Nodes(), "practice-cluster", featuregate.NewFeatureGate())
	if err != nil {
		return err
	}
	controller.Run(ctx, 1, controllersmetrics.NewControllerManagerMetrics("stand-ins"))
	return nil
}

// GetLoadBalancer tells the address that a Service has.
func (c *Cloud) GetLoadBalancer(_ context.Context, _ string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if address, ok := c.reserved[string(service.UID)]; ok {
		return at(address), true, nil
	}
	return &service.Status.LoadBalancer, len(service.Status.LoadBalancer.Ingress) > 0, nil
}

// GetLoadBalancerName is the name that clouds use unless they have a better one.
func (c *Cloud) GetLoadBalancerName(_ context.Context, _ string, service *corev1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(service)
}

// EnsureLoadBalancer gives a Service its address, the one that it has already where there is one.
func (c *Cloud) EnsureLoadBalancer(ctx context.Context, name string, service *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	if status, exists, _ := c.GetLoadBalancer(ctx, name, service); exists {
		return status, nil
	}
	services, err := c.services.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	address, ok := free(services, c.reserved)
	if !ok {
		return nil, fmt.Errorf("no address is left in %s", pool)
	}
	c.reserved[string(service.UID)] = address
	return at(address), nil
}

// UpdateLoadBalancer has nothing to do: no traffic flows, so it does not matter to which nodes.
func (c *Cloud) UpdateLoadBalancer(context.Context, string, *corev1.Service, []*corev1.Node) error {
	return nil
}

// EnsureLoadBalancerDeleted takes the address back.
func (c *Cloud) EnsureLoadBalancerDeleted(_ context.Context, _ string, service *corev1.Service) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reserved, string(service.UID))
	return nil
}

func at(address string) *corev1.LoadBalancerStatus {
	mode := corev1.LoadBalancerIPModeVIP
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: address, IPMode: &mode}}}
}

// provider is a cloud that has load balancers and nothing else.
type provider struct{ cloud *Cloud }

var _ cloudprovider.Interface = provider{}

func (provider) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (p provider) LoadBalancer() (cloudprovider.LoadBalancer, bool)                { return p.cloud, true }
func (provider) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (provider) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (provider) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (provider) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (provider) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (provider) ProviderName() string                                              { return "practice-cluster" }
func (provider) HasClusterID() bool                                                { return true }
