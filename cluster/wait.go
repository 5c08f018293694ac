package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"practice-cluster/standins/metrics"
)

const (
	pollEvery = 100 * time.Millisecond
	// launchGrace is how long a component may take to lock its file before we call it dead.
	launchGrace = 8 * time.Second
)

func ready(ctx context.Context, client *kubernetes.Clientset) error {
	return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// until polls a condition, and gives up when time is over or a component has died, with the end of its log.
func (c *cluster) until(ctx context.Context, what string, components []string, condition func() (bool, error)) error {
	began := time.Now()
	var last error
	for {
		ok, err := condition()
		if ok {
			return nil
		}
		last = err
		for _, name := range components {
			if time.Since(began) > launchGrace && !c.alive(name) {
				return c.died(name)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s in time (last answer: %w). The logs are in %s", what, last, filepath.Join(c.dir, "logs"))
		case <-time.After(pollEvery):
		}
	}
}

// died says that a component has ended by itself, in plain words where its log has a known end.
func (c *cluster) died(name string) error {
	end := c.endOfLog(name)
	if meaning := explain(name, end); meaning != "" {
		return fmt.Errorf("%s stopped by itself. %s.\nIts log, %s, ends:\n%s", name, meaning, c.logOf(name), end)
	}
	return fmt.Errorf("%s stopped by itself. Its log, %s, ends:\n%s", name, c.logOf(name), end)
}

func (c *cluster) endOfLog(name string) string {
	data, err := os.ReadFile(c.logOf(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

func (c *cluster) waitForAPI(ctx context.Context, client *kubernetes.Clientset) error {
	return c.until(ctx, "the API server did not become ready", []string{"etcd", "kube-apiserver"}, func() (bool, error) {
		err := ready(ctx, client)
		return err == nil, err
	})
}

// waitForNodes waits until Pods can be made and scheduled: the nodes are Ready and the default ServiceAccount is there.
func (c *cluster) waitForNodes(ctx context.Context, client *kubernetes.Clientset) error {
	return c.until(ctx, "the nodes did not become Ready", order, func() (bool, error) {
		if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return false, err
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, node := range nodes.Items {
			if !isReady(node) || len(node.Spec.Taints) > 0 {
				return false, fmt.Errorf("node %s is not Ready yet", node.Name)
			}
		}
		// The nodes of an earlier run are Ready before anybody has looked at them again.
		if alive := c.running(); len(alive) < len(order) {
			return false, fmt.Errorf("only %s runs yet", strings.Join(alive, ", "))
		}
		return len(nodes.Items) > 0, nil
	})
}

// waitForMetrics waits until the APIs behind the aggregation layer answer: until then every discovery is incomplete, and kubectl says so.
func (c *cluster) waitForMetrics(ctx context.Context, client *kubernetes.Clientset) error {
	return c.until(ctx, "the metrics were not served", order, func() (bool, error) {
		for _, version := range metrics.Versions() {
			if err := client.Discovery().RESTClient().Get().AbsPath("/apis/" + version).Do(ctx).Error(); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

func isReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
