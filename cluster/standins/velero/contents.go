package velero

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// resource is one of the API, with every name that a list of a backup may use for it.
type resource struct {
	schema.GroupVersionResource
	namespaced bool
	names      []string
}

// entry is an object of a backup.
type entry struct {
	Resource   schema.GroupVersionResource `json:"resource"`
	Names      []string                    `json:"names"`
	Namespaced bool                        `json:"namespaced"`
	Object     map[string]any              `json:"object"`
}

func (e entry) object() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: e.Object}
}

// served lists what can be backed up: all that can be listed, read, created and deleted. Where a group cannot be reached, Velero goes on
// without it.
func served(client discovery.DiscoveryInterface) ([]resource, error) {
	groups, err := client.ServerPreferredResources()
	if len(groups) == 0 && err != nil {
		return nil, err
	}
	var found []resource
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil || version.Group == "events.k8s.io" { // the same events as in the core group
			continue
		}
		for _, each := range group.APIResources {
			if strings.Contains(each.Name, "/") || !hasVerbs(each.Verbs) {
				continue
			}
			found = append(found, resource{version.WithResource(each.Name), each.Namespaced, namesOf(each, version.Group)})
		}
	}
	return found, nil
}

func hasVerbs(verbs []string) bool {
	for _, needed := range []string{"list", "create", "get", "delete"} {
		if !slices.Contains(verbs, needed) {
			return false
		}
	}
	return true
}

func namesOf(each metav1.APIResource, group string) []string {
	names := append([]string{each.Name, each.SingularName, each.Kind, strings.ToLower(each.Kind)}, each.ShortNames...)
	if group != "" {
		names = append(names, each.Name+"."+group)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// collect reads what a backup takes in.
func collect(ctx context.Context, client dynamic.Interface, resources []resource, chosen selection) (entries []entry, failures int, err error) {
	namespaces, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, 0, err
	}
	taken := map[string]bool{}
	for _, namespace := range namespaces.Items {
		if chosen.namespaces.takes(namespace.GetName()) && namespace.GetLabels()["velero.io/exclude-from-backup"] != "true" {
			taken[namespace.GetName()] = true
		}
	}
	volumes := map[string]bool{}
	for _, each := range resources {
		if !couldTake(chosen, each) {
			continue
		}
		listed, err := client.Resource(each.GroupVersionResource).List(ctx, metav1.ListOptions{})
		if err != nil {
			failures++
			continue
		}
		for _, item := range listed.Items {
			if !takes(chosen, each, &item, taken, volumes) {
				continue
			}
			if each.Resource == "persistentvolumeclaims" {
				volumes[text(item.Object, "spec", "volumeName")] = true
			}
			entries = append(entries, entry{each.GroupVersionResource, each.names, each.namespaced, item.Object})
		}
	}
	return entries, failures, nil
}

// isCore tells one of the core group's resources.
func (r resource) isCore(name string) bool { return r.Group == "" && r.Resource == name }

// couldTake tells whether it is worth listing a resource.
func couldTake(chosen selection, each resource) bool {
	switch {
	case each.namespaced:
		return chosen.takesNamespaced(each.names)
	case each.isCore("namespaces"):
		return true
	case each.isCore("persistentvolumes"):
		return chosen.takesClusterWide(each.names) || chosen.takesRelated(each.names)
	}
	return chosen.takesClusterWide(each.names)
}

// takes tells whether a backup takes in an object. Claims are looked at before volumes, so that those of the claims are known.
func takes(chosen selection, each resource, item *unstructured.Unstructured, namespaces, volumes map[string]bool) bool {
	switch {
	case each.namespaced:
		return namespaces[item.GetNamespace()] && chosen.takesLabels(item.GetLabels())
	case each.isCore("namespaces"):
		return namespaces[item.GetName()]
	case each.isCore("persistentvolumes") && volumes[item.GetName()] && chosen.takesRelated(each.names):
		return true
	}
	return chosen.takesClusterWide(each.names) && chosen.takesLabels(item.GetLabels())
}

// sorted puts claims before volumes.
func sorted(resources []resource) []resource {
	return slices.SortedStableFunc(slices.Values(resources), func(a, b resource) int {
		return last(a) - last(b)
	})
}

func last(each resource) int {
	if each.isCore("persistentvolumes") {
		return 1
	}
	return 0
}

// first are the resources that a restore creates before all others, because others need them; an order of Velero's.
var first = []string{"customresourcedefinitions", "namespaces", "storageclasses", "persistentvolumeclaims", "serviceaccounts", "secrets", "configmaps", "limitranges", "pods"}

// unrestorable are what a restore leaves out: what Velero leaves out, volumes, since claims get new ones, and what controllers make.
var unrestorable = []string{
	"nodes", "events", "backups", "restores", "schedules", "backupstoragelocations", "csinodes", "volumeattachments", "persistentvolumes",
	"endpoints", "endpointslices", "leases", "controllerrevisions", "clustertrustbundles", "componentstatuses", "apiservices",
}

// restorable are the entries of a backup that a restore takes, in order.
func restorable(entries []entry, chosen selection) []entry {
	var found []entry
	for _, each := range entries {
		object := each.object()
		if slices.Contains(unrestorable, each.Resource.Resource) || metav1.GetControllerOf(object) != nil {
			continue
		}
		place := object.GetNamespace()
		if each.Resource.Group == "" && each.Resource.Resource == "namespaces" {
			place = object.GetName()
		}
		switch {
		case place != "":
			if !chosen.namespaces.takes(place) || each.Namespaced && !(chosen.resources.takes(each.Names...) && chosen.takesLabels(object.GetLabels())) {
				continue
			}
		case !chosen.takesClusterWide(each.Names) || !chosen.takesLabels(object.GetLabels()):
			continue
		}
		found = append(found, each)
	}
	slices.SortStableFunc(found, func(a, b entry) int { return rank(a) - rank(b) })
	return found
}

func rank(each entry) int {
	if index := slices.Index(first, each.Resource.Resource); index >= 0 {
		return index
	}
	return len(first)
}

// renewed is an object as a restore creates it: of its metadata name, labels and annotations, and nothing that another cluster or an
// earlier life has decided.
func renewed(object *unstructured.Unstructured, namespaces map[string]string, labels map[string]string) *unstructured.Unstructured {
	made := object.DeepCopy()
	metadata := map[string]any{"name": object.GetName()}
	if namespace := object.GetNamespace(); namespace != "" {
		metadata["namespace"] = mapped(namespace, namespaces)
	}
	if object.GetKind() == "Namespace" {
		metadata["name"] = mapped(object.GetName(), namespaces)
	}
	made.Object["metadata"] = metadata
	merged := object.GetLabels()
	if merged == nil {
		merged = map[string]string{}
	}
	if object.GetKind() == "Namespace" {
		delete(merged, "kubernetes.io/metadata.name")
	}
	for key, value := range labels {
		merged[key] = value
	}
	made.SetLabels(merged)
	annotations := object.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "pv.kubernetes.io/") || strings.HasPrefix(key, "volume.kubernetes.io/") ||
			key == "volume.beta.kubernetes.io/storage-provisioner" || key == "deployment.kubernetes.io/revision" {
			delete(annotations, key)
		}
	}
	if len(annotations) > 0 {
		made.SetAnnotations(annotations)
	}
	delete(made.Object, "status")
	forget(made)
	return made
}

// forget removes what the cluster has chosen for an object of the core group and what a new one is given anew.
func forget(made *unstructured.Unstructured) {
	remove := func(fields ...string) { unstructured.RemoveNestedField(made.Object, fields...) }
	switch made.GetKind() {
	case "Service":
		if text(made.Object, "spec", "clusterIP") != "None" {
			remove("spec", "clusterIP")
			remove("spec", "clusterIPs")
		}
		remove("spec", "healthCheckNodePort")
		ports, _, _ := unstructured.NestedSlice(made.Object, "spec", "ports")
		for _, port := range ports {
			if port, ok := port.(map[string]any); ok {
				delete(port, "nodePort")
			}
		}
		if len(ports) > 0 {
			_ = unstructured.SetNestedSlice(made.Object, ports, "spec", "ports")
		}
	case "PersistentVolumeClaim":
		remove("spec", "volumeName")
	case "Pod":
		remove("spec", "nodeName")
	case "Job":
		remove("spec", "selector")
		remove("spec", "template", "metadata", "labels")
	case "Namespace":
		remove("spec")
	}
}

func mapped(namespace string, namespaces map[string]string) string {
	if other := namespaces[namespace]; other != "" {
		return other
	}
	return namespace
}

// create restores one object: created, or already there, unless it may be updated.
func create(ctx context.Context, client dynamic.Interface, each entry, made *unstructured.Unstructured, update bool) (warned bool, err error) {
	var into dynamic.ResourceInterface = client.Resource(each.Resource)
	if each.Namespaced {
		into = client.Resource(each.Resource).Namespace(made.GetNamespace())
	}
	_, err = into.Create(ctx, made, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return false, err
	}
	there, err := into.Get(ctx, made.GetName(), metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	if same(there, made) {
		return false, nil
	}
	if !update {
		return true, nil
	}
	made.SetResourceVersion(there.GetResourceVersion())
	_, err = into.Update(ctx, made, metav1.UpdateOptions{})
	return err != nil, nil
}

// same tells whether what is there is what a restore would create, apart from what the cluster adds.
func same(there, made *unstructured.Unstructured) bool {
	return contains(without(there), without(made))
}

func without(object *unstructured.Unstructured) map[string]any {
	copied := object.DeepCopy().Object
	delete(copied, "metadata")
	delete(copied, "status")
	return copied
}

// contains tells whether all that wanted says is said by has as well.
func contains(has, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		other, ok := has.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range wanted {
			if !contains(other[key], value) {
				return false
			}
		}
		return true
	case []any:
		other, ok := has.([]any)
		return ok && slices.EqualFunc(other, wanted, func(a, b any) bool { return contains(a, b) })
	}
	return has == wanted
}

// store keeps the objects of backups in files that only the learner may read: Secrets are among them.
type store string

func (s store) path(uid string) string { return filepath.Join(string(s), uid+".json") }

func (s store) write(uid string, entries []entry) error {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	unfinished := s.path(uid) + ".new"
	if err := os.WriteFile(unfinished, data, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, s.path(uid))
}

func (s store) read(uid string) (entries []entry, err error) {
	data, err := os.ReadFile(s.path(uid))
	if err != nil {
		return nil, err
	}
	var raw []entry
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// keepOnly removes what is left of backups that were deleted while nobody watched.
func (s store) keepOnly(uids map[string]bool) error {
	files, err := filepath.Glob(s.path("*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if uid := strings.TrimSuffix(filepath.Base(file), ".json"); !uids[uid] {
			if err := s.forget(uid); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s store) forget(uid string) error {
	if err := os.Remove(s.path(uid)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
