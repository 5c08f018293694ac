package metrics

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestParseRate(t *testing.T) {
	for _, test := range []struct {
		text  string
		rate  int64
		words string
	}{
		{"150", 150, ""},
		{"0", 0, ""},
		{"off", 0, ""},
		{"100000", MostLoad, ""},
		{"100001", 0, "100000 at most"},
		{"99999999999999999999", 0, "not a whole number"},
		{"-5", 0, "less than nothing"},
		{"1.5", 0, "not a whole number"},
		{"1e3", 0, "not a whole number"},
		{"many", 0, "neither a number"},
		{"", 0, "neither a number"},
	} {
		t.Run(test.text, func(t *testing.T) {
			rate, err := ParseRate(test.text)
			if rate != test.rate || (err != nil) != (test.words != "") {
				t.Fatalf("got %d, %v", rate, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("%q does not say %q", err, test.words)
			}
		})
	}
}

func TestLoadFrom(t *testing.T) {
	dotted := types.NamespacedName{Namespace: "rag-engine", Name: "api.v2"}
	for _, test := range []struct {
		name string
		data map[string]string
		want Load
	}{
		{"nothing", nil, Load{}},
		{"two", map[string]string{LoadKey(app): "150", LoadKey(dotted): "7"}, Load{app: 150, dotted: 7}},
		{"none", map[string]string{LoadKey(app): "0"}, Load{}},
		{"nonsense", map[string]string{LoadKey(app): "a lot", "nodots": "5", "a.b": "-1"}, Load{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := LoadFrom(&corev1.ConfigMap{Data: test.data}); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got := LoadFrom(nil); len(got) != 0 {
		t.Errorf("no ConfigMap is %v", got)
	}
}
