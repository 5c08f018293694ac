package metrics

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"practice-cluster/advice"
)

// The load is kept in a ConfigMap of kube-system and not on the learner's objects, so that no manifest shows it and no apply takes it away.
// Each of its keys is NAMESPACE.DEPLOYMENT (a namespace's name has no dot), each value a count of requests per second.
const (
	LoadNamespace = metaNamespace
	LoadName      = "practice-load"
	// MostLoad is as much as anybody can want of three nodes.
	MostLoad = 100_000
)

// LoadKey is the key of a Deployment in the ConfigMap.
func LoadKey(deployment types.NamespacedName) string {
	return deployment.Namespace + "." + deployment.Name
}

// ParseRate reads a count of requests per second, or `off`.
func ParseRate(text string) (int64, error) {
	if text == "off" {
		return 0, nil
	}
	rate, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && isNumber(text):
		return 0, fmt.Errorf("%q is not a whole number of requests per second", text)
	case err != nil:
		return 0, fmt.Errorf("%q is neither a number of requests per second nor off", text)
	case rate < 0:
		return 0, fmt.Errorf("%d requests per second is less than nothing. To take the load away: %s", rate, advice.Command("load off"))
	case rate > MostLoad:
		return 0, fmt.Errorf("%d requests per second is more than is played here: %d at most", rate, MostLoad)
	}
	return rate, nil
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// LoadFrom reads the ConfigMap; an entry that says nothing sensible is no load.
func LoadFrom(config *corev1.ConfigMap) Load {
	load := Load{}
	if config == nil {
		return load
	}
	for key, text := range config.Data {
		namespace, name, found := strings.Cut(key, ".")
		rate, err := ParseRate(text)
		if found && err == nil && rate > 0 {
			load[types.NamespacedName{Namespace: namespace, Name: name}] = rate
		}
	}
	return load
}
