package metrics

import (
	_ "embed"
	"net/http"

	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var resourceSpec []byte

// prefixes lets kube-openapi register what lies below a path in the way of http.ServeMux.
type prefixes struct{ *http.ServeMux }

// HandlePrefix serves everything below path, which ends with a slash.
func (p prefixes) HandlePrefix(path string, handler http.Handler) { p.Handle(path, handler) }

// describe serves the OpenAPI documents that the API server collects from those behind its aggregation layer; without them it would ask
// again and again, and log each time. kubectl reads version 3; version 2 is there for the API server alone, and so it says nothing.
func describe(mux *http.ServeMux) error {
	var resources spec3.OpenAPI
	data, err := yaml.YAMLToJSON(resourceSpec)
	if err != nil {
		return err
	}
	if err := resources.UnmarshalJSON(data); err != nil {
		return err
	}
	documents := handler3.NewOpenAPIService()
	for _, version := range versions {
		document := &spec3.OpenAPI{
			Version: resources.Version,
			Info:    &spec.Info{InfoProps: spec.InfoProps{Title: "Custom metrics of the practice cluster", Version: version.version.Version}},
			Paths:   &spec3.Paths{},
		}
		if version.version == resourceVersion {
			document = &resources
		}
		documents.UpdateGroupVersion("apis/"+version.version.String(), document)
	}
	handler.RegisterOpenAPIVersionedService(&spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Swagger: "2.0",
		Info:    &spec.Info{InfoProps: spec.InfoProps{Title: "Metrics of the practice cluster", Version: "v1"}},
		Paths:   &spec.Paths{},
	}}, "/openapi/v2", mux)
	return documents.RegisterOpenAPIV3VersionedService("/openapi/v3", prefixes{mux})
}
