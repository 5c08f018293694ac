// Package velero plays Velero: it tries storage locations, makes backups on schedule and restores them. Backups hold the real objects of
// the cluster, in the folder with the cluster's state; what is on disks is not copied, and no object storage is written to.
package velero

import (
	"fmt"
	"path"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

const all = "*"

// lists are included and excluded names, the way Velero pairs them.
// https://velero.io/docs/main/resource-filtering/
type lists struct{ included, excluded []string }

func listsAt(spec map[string]any, included, excluded string) lists {
	in, _, _ := unstructured.NestedStringSlice(spec, included)
	out, _, _ := unstructured.NestedStringSlice(spec, excluded)
	return lists{in, out}
}

// takes tells whether something with these names is taken in: an exclusion wins, and no inclusion at all includes everything.
func (l lists) takes(names ...string) bool {
	if matchesAny(l.excluded, names) {
		return false
	}
	return len(l.included) == 0 || matchesAny(l.included, names)
}

func (l lists) everything() bool {
	return len(l.excluded) == 0 && (len(l.included) == 0 || slices.Contains(l.included, all))
}

func (l lists) empty() bool { return len(l.included) == 0 && len(l.excluded) == 0 }

func matchesAny(patterns, names []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			matched, err := path.Match(pattern, name)
			return err == nil && matched
		})
	})
}

// conflicts are what Velero objects to in two lists. The newer lists of resources, scoped, may exclude everything.
func (l lists) conflicts(scoped bool) (found []string) {
	if slices.Contains(l.included, all) && len(l.included) > 1 {
		found = append(found, "includes list must either contain '*' only, or a non-empty list of items")
	}
	switch everything := slices.Contains(l.excluded, all); {
	case everything && !scoped:
		found = append(found, "excludes list cannot contain '*'")
	case everything && len(l.excluded) > 1:
		found = append(found, "excludes list must either contain '*' only, or a non-empty list of items")
	case everything && len(l.included) > 0:
		found = append(found, "when exclude is '*', include cannot have value")
	}
	for _, name := range l.excluded {
		if name != all && slices.Contains(l.included, name) {
			found = append(found, fmt.Sprintf("excludes list cannot contain an item in the includes list: %s", name))
		}
	}
	return found
}

// selection is what a Backup or a Restore takes in.
type selection struct {
	namespaces, resources   lists
	namespaced, clusterWide lists
	clusterResources        *bool
	selectors               []labels.Selector
}

// selectionOf reads a spec; problems are what Velero objects to.
func selectionOf(spec map[string]any) (s selection, problems []string) {
	s = selection{
		namespaces:  listsAt(spec, "includedNamespaces", "excludedNamespaces"),
		resources:   listsAt(spec, "includedResources", "excludedResources"),
		namespaced:  listsAt(spec, "includedNamespaceScopedResources", "excludedNamespaceScopedResources"),
		clusterWide: listsAt(spec, "includedClusterScopedResources", "excludedClusterScopedResources"),
	}
	if include, ok, _ := unstructured.NestedBool(spec, "includeClusterResources"); ok {
		s.clusterResources = &include
	}
	if (!s.resources.empty() || s.clusterResources != nil) && s.scoped() {
		problems = append(problems, "include-resources, exclude-resources and include-cluster-resources are old filter parameters.\n"+
			"They cannot be used together with the include/exclude lists of cluster-scoped and namespace-scoped resources")
	}
	for _, each := range []struct {
		what   string
		lists  lists
		scoped bool
	}{
		{"included/excluded resource lists", s.resources, false},
		{"cluster-scoped included/excluded resource lists", s.clusterWide, true},
		{"namespace-scoped included/excluded resource lists", s.namespaced, true},
		{"included/excluded namespace lists", s.namespaces, false},
	} {
		for _, conflict := range each.lists.conflicts(each.scoped) {
			problems = append(problems, fmt.Sprintf("Invalid %s: %s", each.what, conflict))
		}
	}
	one, hasOne, _ := unstructured.NestedMap(spec, "labelSelector")
	several, hasSeveral, _ := unstructured.NestedSlice(spec, "orLabelSelectors")
	if hasOne && hasSeveral {
		problems = append(problems, "encountered labelSelector as well as orLabelSelectors, only one can be specified")
	}
	if hasOne {
		several = append(several, one)
	}
	for _, each := range several {
		selector, err := selectorOf(each)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		s.selectors = append(s.selectors, selector)
	}
	return s, problems
}

func selectorOf(value any) (labels.Selector, error) {
	written, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a label selector is a map, not %T", value)
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(written, &selector); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(&selector)
}

func (s selection) scoped() bool { return !s.namespaced.empty() || !s.clusterWide.empty() }

func (s selection) takesLabels(set map[string]string) bool {
	if set["velero.io/exclude-from-backup"] == "true" {
		return false
	}
	return len(s.selectors) == 0 || slices.ContainsFunc(s.selectors, func(selector labels.Selector) bool { return selector.Matches(labels.Set(set)) })
}

// takesNamespaced tells whether a resource that lives in namespaces is taken in, by any of its names.
func (s selection) takesNamespaced(names []string) bool {
	if s.scoped() {
		return s.namespaced.takes(names...)
	}
	return s.resources.takes(names...)
}

// takesClusterWide tells whether all objects of a resource that lives in no namespace are taken in. Unless somebody asks, they are only
// when the backup is of all namespaces.
func (s selection) takesClusterWide(names []string) bool {
	if s.scoped() {
		return s.clusterWide.takes(names...) && (len(s.clusterWide.included) > 0 || s.namespaces.everything())
	}
	if s.clusterResources != nil {
		return *s.clusterResources && s.resources.takes(names...)
	}
	return s.namespaces.everything() && s.resources.takes(names...)
}

// takesRelated tells the same of what goes with something in a namespace: the volume of a claim.
func (s selection) takesRelated(names []string) bool {
	if s.scoped() {
		return !matchesAny(s.clusterWide.excluded, names) && (len(s.clusterWide.included) == 0 || matchesAny(s.clusterWide.included, names))
	}
	return (s.clusterResources == nil || *s.clusterResources) && s.resources.takes(names...)
}
