// Package ingress plays what gives addresses to Ingresses and to Services of type LoadBalancer: an ingress controller and a cloud.
// The addresses are from a range that is kept for documentation, and no traffic flows.
package ingress

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

const (
	// Controller is what an IngressClass of ours names. Learners look for class nginx, and the annotations of the course are those of
	// ingress-nginx; so the class says what it says everywhere.
	Controller = "k8s.io/ingress-nginx"
	// legacyClass named the class before spec.ingressClassName did; ingress-nginx still reads it.
	legacyClass = "kubernetes.io/ingress.class"
)

var (
	// pool is TEST-NET-2 of RFC 5737: nobody's addresses.
	pool = netip.MustParsePrefix("198.51.100.0/24")
	// entrance is the address of the ingress controller, the same for every Ingress.
	entrance = netip.MustParseAddr("198.51.100.10")
)

// ours tells whether an Ingress is the ingress controller's business: its class exists and names the controller.
func ours(ingress *networkingv1.Ingress, classes []*networkingv1.IngressClass) bool {
	name := ingress.Annotations[legacyClass]
	if ingress.Spec.IngressClassName != nil {
		name = *ingress.Spec.IngressClassName
	}
	return slices.ContainsFunc(classes, func(class *networkingv1.IngressClass) bool {
		return class.Name == name && class.Spec.Controller == Controller
	})
}

// addresses are what the status of an Ingress should say, and whether it has to be written. An address that is not ours is left alone.
func addresses(ingress *networkingv1.Ingress, mine bool) (wanted []networkingv1.IngressLoadBalancerIngress, write bool) {
	has := ingress.Status.LoadBalancer.Ingress
	given := len(has) == 1 && has[0].IP == entrance.String()
	switch {
	case mine && !given:
		return []networkingv1.IngressLoadBalancerIngress{{IP: entrance.String()}}, true
	case !mine && given:
		return nil, true
	}
	return has, false
}

// free is the first address of the pool that no Service has; ok is false when all are taken.
func free(services []*corev1.Service, reserved map[string]string) (address string, ok bool) {
	taken := map[string]bool{entrance.String(): true}
	for _, service := range services {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			taken[ingress.IP] = true
		}
	}
	for _, address := range reserved {
		taken[address] = true
	}
	for candidate := entrance.Next(); pool.Contains(candidate.Next()); candidate = candidate.Next() { // the last one is for broadcasts
		if !taken[candidate.String()] {
			return candidate.String(), true
		}
	}
	return "", false
}
