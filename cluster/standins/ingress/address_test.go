package ingress

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func ingressOf(class, annotation string, has ...string) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{}
	if class != "" {
		ingress.Spec.IngressClassName = &class
	}
	if annotation != "" {
		ingress.Annotations = map[string]string{legacyClass: annotation}
	}
	for _, address := range has {
		ingress.Status.LoadBalancer.Ingress = append(ingress.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: address})
	}
	return ingress
}

func TestOurs(t *testing.T) {
	class := func(name, controller string) *networkingv1.IngressClass {
		return &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networkingv1.IngressClassSpec{Controller: controller}}
	}
	classes := []*networkingv1.IngressClass{class("nginx", Controller), class("internal", Controller), class("traefik", "traefik.io/ingress-controller")}
	for name, test := range map[string]struct {
		ingress *networkingv1.Ingress
		want    bool
	}{
		"class nginx":           {ingressOf("nginx", ""), true},
		"another class of ours": {ingressOf("internal", ""), true},
		"the old annotation":    {ingressOf("", "nginx"), true},
		"another controller's":  {ingressOf("traefik", ""), false},
		"a class that is not":   {ingressOf("ngnix", ""), false},
		"no class":              {ingressOf("", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ours(test.ingress, classes); got != test.want {
				t.Errorf("ours = %v, want %v", got, test.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for name, test := range map[string]struct {
		has   []string
		mine  bool
		want  string
		write bool
	}{
		"new":                    {nil, true, entrance.String(), true},
		"done":                   {[]string{entrance.String()}, true, entrance.String(), false},
		"taken over":             {[]string{"203.0.113.5"}, true, entrance.String(), true},
		"given away":             {[]string{entrance.String()}, false, "", true},
		"never ours":             {nil, false, "", false},
		"another's address here": {[]string{"203.0.113.5"}, false, "203.0.113.5", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, write := addresses(ingressOf("any", "", test.has...), test.mine)
			address := ""
			if len(got) > 0 {
				address = got[0].IP
			}
			if address != test.want || write != test.write {
				t.Errorf("addresses = %q, %v, want %q, %v", address, write, test.want, test.write)
			}
		})
	}
}

func serviceWith(uid, address string) *corev1.Service {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}}
	if address != "" {
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	}
	return service
}

func TestFree(t *testing.T) {
	for name, test := range map[string]struct {
		services []*corev1.Service
		reserved map[string]string
		want     string
	}{
		"none taken":           {nil, nil, "198.51.100.11"},
		"the first is taken":   {[]*corev1.Service{serviceWith("a", "198.51.100.11")}, nil, "198.51.100.12"},
		"one is promised":      {nil, map[string]string{"a": "198.51.100.11"}, "198.51.100.12"},
		"a gap":                {[]*corev1.Service{serviceWith("a", "198.51.100.12")}, nil, "198.51.100.11"},
		"an address of others": {[]*corev1.Service{serviceWith("a", "10.0.0.1")}, nil, "198.51.100.11"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := free(test.services, test.reserved); !ok || got != test.want {
				t.Errorf("free = %q, %v, want %q", got, ok, test.want)
			}
		})
	}
	taken := map[string]string{}
	for {
		address, ok := free(nil, taken)
		if !ok {
			break
		}
		taken[address] = address
	}
	if len(taken) != 244 || taken["198.51.100.255"] != "" {
		t.Errorf("%d addresses, the broadcast address among them: %q", len(taken), taken["198.51.100.255"])
	}
}
