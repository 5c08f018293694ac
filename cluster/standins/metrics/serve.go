package metrics

import (
	"context"
	"crypto/x509"
	"net/http"
	"time"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	x509request "k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/endpoints"
	"k8s.io/apiserver/pkg/endpoints/discovery"
	"k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/handlers/negotiation"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes"
	custominstall "k8s.io/metrics/pkg/apis/custom_metrics/install"
	resourceinstall "k8s.io/metrics/pkg/apis/metrics/install"
)

var (
	scheme = newScheme()
	codecs = serializer.NewCodecFactory(scheme)
)

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	resourceinstall.Install(scheme)
	custominstall.Install(scheme)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	utilruntime.Must(metav1.AddMetaToScheme(scheme)) // Table
	scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"},
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	return scheme
}

// The headers in which the API server says for whom it asks, as its flags --requestheader-* name them by custom.
var (
	userHeaders  = headerrequest.StaticStringSlice{"X-Remote-User"}
	uidHeaders   = headerrequest.StaticStringSlice{"X-Remote-Uid"}
	groupHeaders = headerrequest.StaticStringSlice{"X-Remote-Group"}
	extraHeaders = headerrequest.StaticStringSlice{"X-Remote-Extra-"}
)

// How long an answer of the API server about who may do what is believed: as extension API servers do by default.
const accessTTL = 10 * time.Second

// guarded lets a request through when the API server's own certificate vouches for the user that it names, and RBAC lets that user do it
// (see "Configure the Aggregation Layer" in the Kubernetes documentation).
func guarded(handler http.Handler, clients *x509.CertPool, client kubernetes.Interface) (http.Handler, error) {
	access := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: client.AuthorizationV1(),
		AllowCacheTTL:             accessTTL,
		DenyCacheTTL:              accessTTL,
		WebhookRetryBackoff:       &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 5},
	}
	delegated, err := access.New()
	if err != nil {
		return nil, err
	}
	options := x509.VerifyOptions{Roots: clients, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	caller := group.NewAuthenticatedGroupAdder(headerrequest.NewDynamicVerifyOptionsSecure(x509request.StaticVerifierFn(options),
		headerrequest.StaticStringSlice{FrontProxyClient}, userHeaders, uidHeaders, groupHeaders, extraHeaders))
	privileged := authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)
	// Not a union of the two: that is made otherwise in each version of Kubernetes.
	either := authorizer.AuthorizerFunc(func(ctx context.Context, asked authorizer.Attributes) (authorizer.Decision, string, error) {
		if decision, reason, err := privileged.Authorize(ctx, asked); decision == authorizer.DecisionAllow {
			return decision, reason, err
		}
		return delegated.Authorize(ctx, asked)
	})
	handler = filters.WithAuthorization(handler, either, codecs)
	handler = filters.WithAuthentication(handler, caller, filters.Unauthorized(codecs), nil, nil)
	return filters.WithRequestInfo(handler, &request.RequestInfoFactory{
		APIPrefixes: sets.NewString("apis"), GrouplessAPIPrefixes: sets.NewString("api"),
	}), nil
}

// handler answers what metrics-server and an adapter answer.
func (p *Part) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	groups := aggregated.NewResourceManager("apis")
	for _, version := range versions {
		resources := resourcesOf(version.version)
		listed := discovery.APIResourceListerFunc(func() []metav1.APIResource { return resources })
		path := "/apis/" + version.version.String()
		mux.Handle("GET "+path, discovery.NewAPIVersionHandler(codecs, version.version, listed))
		mux.Handle("GET "+path+"/", p.answers(version.version))
		converted, err := endpoints.ConvertGroupVersionIntoToDiscovery(resources)
		if err != nil {
			return nil, err
		}
		groups.AddGroupVersion(version.version.Group, apidiscoveryv2.APIVersionDiscovery{
			Version: version.version.Version, Freshness: apidiscoveryv2.DiscoveryFreshnessCurrent, Resources: converted,
		})
		groups.SetGroupVersionPriority(metav1.GroupVersion(version.version), 100, int(version.priority))
	}
	mux.Handle("GET /apis", groups)
	return mux, describe(mux)
}

func resourcesOf(version schema.GroupVersion) []metav1.APIResource {
	if version.Group == resourceVersion.Group {
		return resourceResources
	}
	return customResources
}

// answer is what a path holds, or the error that says why not.
type answer func(info *request.RequestInfo, query *http.Request) (runtime.Object, error)

func (p *Part) answers(version schema.GroupVersion) http.Handler {
	find := p.customAnswer
	if version.Group == resourceVersion.Group {
		find = p.resourceAnswer
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond(w, r, version, find) })
}

func respond(w http.ResponseWriter, r *http.Request, version schema.GroupVersion, find answer) {
	info, ok := request.RequestInfoFrom(r.Context())
	if !ok {
		responsewriters.InternalError(w, r, apierrors.NewInternalError(nil))
		return
	}
	found, err := find(info, r)
	if err != nil {
		responsewriters.ErrorNegotiated(err, codecs, version, w, r)
		return
	}
	accepted, _, err := negotiation.NegotiateOutputMediaType(r, codecs, tables{})
	if err == nil && accepted.Convert != nil && accepted.Convert.Kind == "Table" {
		if table := tableOf(found); table != nil {
			responsewriters.WriteObjectNegotiated(codecs, tables{}, metav1.SchemeGroupVersion, w, r, http.StatusOK, table, false)
			return
		}
	}
	responsewriters.WriteObjectNegotiated(codecs, negotiation.DefaultEndpointRestrictions, version, w, r, http.StatusOK, found, false)
}

// tables allow a client to ask for rows to print, as kubectl get does.
type tables struct{}

func (tables) AllowsMediaTypeTransform(kind, subKind string, target *schema.GroupVersionKind) bool {
	if target == nil {
		return true
	}
	return kind == "application" && subKind == "json" && target.Kind == "Table" &&
		target.GroupVersion() == metav1.SchemeGroupVersion
}

func (tables) AllowsServerVersion(string) bool  { return false }
func (tables) AllowsStreamSchema(s string) bool { return s == "watch" }
