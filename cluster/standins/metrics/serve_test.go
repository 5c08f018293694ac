package metrics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	"practice-cluster/standins"
)

// prepared is the part with filled caches: two Pods, one of a Deployment, a node that is Ready and one that is not.
func prepared(t *testing.T) *Part {
	t.Helper()
	controller := true
	owner := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, Controller: &controller}}
	}
	node := func(name string, ready corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"zone": name}},
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}}
	}
	client := fake.NewClientset(
		newPod("api-1", func(pod *corev1.Pod) { pod.OwnerReferences = owner("ReplicaSet", "api") }),
		newPod("lone", func(pod *corev1.Pod) { pod.Labels = map[string]string{"app": "lone"} }),
		setOf(app.Namespace, "api", owner("Deployment", app.Name)),
		node("practice-1", corev1.ConditionTrue), node("practice-2", corev1.ConditionUnknown),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: LoadNamespace, Name: LoadName}, Data: map[string]string{LoadKey(app): "20"}},
	)
	part := New()
	world := &standins.World{Client: client, Informers: informers.NewSharedInformerFactory(client, 0)}
	if err := part.Prepare(world); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	world.Informers.Start(ctx.Done())
	world.Informers.WaitForCacheSync(ctx.Done())
	return part
}

func TestPaths(t *testing.T) {
	handler, err := prepared(t).handler()
	if err != nil {
		t.Fatal(err)
	}
	handler = filters.WithRequestInfo(handler, &request.RequestInfoFactory{
		APIPrefixes: sets.NewString("apis"), GrouplessAPIPrefixes: sets.NewString("api"),
	})
	const (
		usage    = "/apis/metrics.k8s.io/v1beta1"
		custom   = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/rag-engine/pods/"
		before   = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/rag-engine/pods/"
		requests = "/requests_per_second"
		table    = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	)
	for _, test := range []struct {
		name, path, accept string
		code               int
		has, lacks         string
	}{
		{"all Pods", usage + "/pods", "", 200, `"name":"lone"`, ""},
		{"Pods of a namespace", usage + "/namespaces/rag-engine/pods", "", 200, `"cpu":"165m"`, ""},
		{"Pods of an empty namespace", usage + "/namespaces/none/pods", "", 200, `"items":[]`, ""},
		{"Pods by label", usage + "/pods?labelSelector=app%3Dlone", "", 200, `"lone"`, "api-1"},
		{"Pods by name", usage + "/pods?fieldSelector=metadata.name%3Dapi-1", "", 200, "api-1", `"lone"`},
		{"Pods by node", usage + "/pods?fieldSelector=spec.nodeName%3Da", "", 400, "field label not supported", ""},
		{"a broken selector", usage + "/pods?labelSelector=%21%21", "", 400, `"reason":"BadRequest"`, ""},
		{"one Pod", usage + "/namespaces/rag-engine/pods/api-1", "", 200, `"kind":"PodMetrics"`, ""},
		{"a Pod that is not there", usage + "/namespaces/rag-engine/pods/no", "", 404, `pods.metrics.k8s.io \"rag-engine/no\" not found`, ""},
		{"a subresource", usage + "/namespaces/rag-engine/pods/api-1/log", "", 404, "NotFound", ""},
		{"another resource", usage + "/services", "", 404, "NotFound", ""},
		{"a watch", usage + "/pods?watch=true", "", 405, "MethodNotAllowed", ""},
		{"the nodes that are Ready", usage + "/nodes", "", 200, "practice-1", "practice-2"},
		{"a node that is not", usage + "/nodes/practice-2", "", 404, `nodes.metrics.k8s.io \"practice-2\" not found`, ""},
		{"nodes by label", usage + "/nodes?labelSelector=zone%3Dx", "", 200, `"items":[]`, ""},
		{"rows to print", usage + "/pods", table, 200, `"cells":["api-1","165m","105Mi","1s"]`, ""},
		{"as YAML", usage + "/nodes", "application/yaml", 200, "kind: NodeMetricsList", ""},
		{"as protobuf", usage + "/nodes", "application/vnd.kubernetes.protobuf", 200, "k8s\x00", ""},
		{"as something else", usage + "/nodes", "text/html", 406, "NotAcceptable", ""},
		{"requests of all Pods", custom + "*" + requests, "", 200, `"value":"20"`, "lone"},
		{"and in the version before", before + "*" + requests, "", 200, `"metricName":"requests_per_second"`, "lone"},
		{"no rows for these", custom + "*" + requests, table, 200, "MetricValueList", "Table"},
		{"requests by label", custom + "*" + requests + "?labelSelector=app%3Drag-engine-api", "", 200, "api-1", ""},
		{"requests by another label", custom + "*" + requests + "?labelSelector=app%3Dx", "", 200, `"items":[]`, ""},
		{"one series", custom + "*" + requests + "?metricLabelSelector=verb%3DGET", "", 200, `"matchLabels":{"verb":"GET"}`, ""},
		{"another series", custom + "*" + requests + "?metricLabelSelector=verb%3DPOST", "", 200, `"items":[]`, ""},
		{"a broken series", custom + "*" + requests + "?metricLabelSelector=%21%21", "", 400, "BadRequest", ""},
		{"requests of one Pod", custom + "api-1" + requests, "", 200, `"value":"20"`, ""},
		{"requests of a Pod that serves nobody", custom + "lone" + requests, "", 404, "metric requests_per_second for pods lone", ""},
		{"another metric", custom + "*/queue_length", "", 404, "could not find the metric queue_length for pods", ""},
		{"of another object", strings.Replace(custom, "pods", "services", 1) + "a" + requests, "", 404, "for services a", ""},
		{"resources of a version", usage, "", 200, `"kind":"PodMetrics"`, ""},
		{"aggregated discovery", "/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", 200, "requests_per_second", ""},
		{"OpenAPI 3", "/openapi/v3", "application/json", 200, "apis/custom.metrics.k8s.io/v1beta2", ""},
		{"OpenAPI 3 of a version", "/openapi/v3" + usage, "application/json", 200, "What a Pod uses", ""},
		{"OpenAPI 2", "/openapi/v2", "application/json", 200, `"swagger":"2.0"`, ""},
		{"anything else", "/metrics", "", 404, "not found", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := httptest.NewRequest(http.MethodGet, test.path, nil)
			if test.accept != "" {
				asked.Header.Set("Accept", test.accept)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, asked)
			body := answer.Body.String()
			if answer.Code != test.code || !strings.Contains(body, test.has) || test.lacks != "" && strings.Contains(body, test.lacks) {
				t.Errorf("%d %s\nwant %d with %q without %q", answer.Code, body, test.code, test.has, test.lacks)
			}
		})
	}
}

// TestWhoMayAsk has the API server's answers about access: only the viewer may read Pods' metrics.
func TestWhoMayAsk(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authorizationv1.SubjectAccessReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		asked := review.Spec.ResourceAttributes
		review.Status.Allowed = review.Spec.User == "viewer" && asked != nil && asked.Group == "metrics.k8s.io" && asked.Resource == "pods"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	}))
	defer api.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: api.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	authority, proxy := certificates(t, FrontProxyClient)
	_, somebody := certificates(t, FrontProxyClient)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	handler, err := guarded(reached, pool, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		caller *x509.Certificate
		user   string
		groups []string
		path   string
		code   int
	}{
		{"a viewer", proxy, "viewer", nil, "/apis/metrics.k8s.io/v1beta1/pods", 200},
		{"what a viewer may not see", proxy, "viewer", nil, "/apis/metrics.k8s.io/v1beta1/nodes", 403},
		{"somebody else", proxy, "stranger", nil, "/apis/metrics.k8s.io/v1beta1/pods", 403},
		{"the API server itself", proxy, "system:kube-aggregator", []string{"system:masters"}, "/apis/metrics.k8s.io/v1beta1", 200},
		{"nobody", proxy, "", nil, "/apis/metrics.k8s.io/v1beta1/pods", 401},
		{"no certificate", nil, "viewer", nil, "/apis/metrics.k8s.io/v1beta1/pods", 401},
		{"another authority's certificate", somebody, "viewer", []string{"system:masters"}, "/apis/metrics.k8s.io/v1beta1/pods", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := httptest.NewRequest(http.MethodGet, test.path, nil)
			asked.TLS = &tls.ConnectionState{}
			if test.caller != nil {
				asked.TLS.PeerCertificates = []*x509.Certificate{test.caller}
			}
			if test.user != "" {
				asked.Header.Set("X-Remote-User", test.user)
			}
			asked.Header["X-Remote-Group"] = test.groups
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, asked)
			if answer.Code != test.code {
				t.Errorf("%d %s; want %d", answer.Code, answer.Body, test.code)
			}
		})
	}
}

func TestWhatIsRegistered(t *testing.T) {
	service := apiService(versions[0], []byte("authority"), 1234)
	data, err := json.Marshal(service.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if service.Name != "v1beta1.metrics.k8s.io" || !strings.Contains(string(data), `"port":1234`) {
		t.Errorf("%s: %s", service.Name, data)
	}
	for _, host := range []string{"metrics-server.kube-system.svc", "prometheus-adapter.kube-system.svc"} {
		if !strings.Contains(strings.Join(Hosts(), " "), host) {
			t.Errorf("the certificate lacks %s", host)
		}
	}
}
