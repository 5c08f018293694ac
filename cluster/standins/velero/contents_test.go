package velero

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func core(name string, namespaced bool, more ...string) resource {
	return resource{schema.GroupVersionResource{Version: "v1", Resource: name}, namespaced, append(more, name)}
}

func TestTakes(t *testing.T) {
	secrets, volumes, nodes := core("secrets", true, "Secret", "secret"), core("persistentvolumes", false, "pv"), core("nodes", false)
	inside := object(t, "s", `{}`)
	inside.SetNamespace("rag-engine")
	marked := inside.DeepCopy()
	marked.SetLabels(map[string]string{"velero.io/exclude-from-backup": "true"})
	named := func(name string) *unstructured.Unstructured {
		item := object(t, name, `{}`)
		item.SetNamespace("")
		return item
	}
	for name, test := range map[string]struct {
		spec     string
		resource resource
		item     *unstructured.Unstructured
		want     bool
	}{
		"everything":                        {`{}`, secrets, inside, true},
		"its namespace":                     {`{includedNamespaces: [rag-engine]}`, secrets, inside, true},
		"a pattern":                         {`{includedNamespaces: ["rag-*"]}`, secrets, inside, true},
		"another namespace":                 {`{includedNamespaces: [other]}`, secrets, inside, false},
		"its namespace left out":            {`{excludedNamespaces: [rag-engine]}`, secrets, inside, false},
		"by kind":                           {`{includedResources: [Secret]}`, secrets, inside, true},
		"other resources":                   {`{includedResources: [configmaps]}`, secrets, inside, false},
		"left out":                          {`{excludedResources: [secrets]}`, secrets, inside, false},
		"the newer list":                    {`{excludedNamespaceScopedResources: [secrets]}`, secrets, inside, false},
		"marked as not to be backed up":     {`{}`, secrets, marked, false},
		"without the labels":                {`{labelSelector: {matchLabels: {app: x}}}`, secrets, inside, false},
		"cluster-wide, of everything":       {`{}`, nodes, named("n"), true},
		"cluster-wide, of one namespace":    {`{includedNamespaces: [rag-engine]}`, nodes, named("n"), false},
		"cluster-wide, asked for":           {`{includedNamespaces: [rag-engine], includeClusterResources: true}`, nodes, named("n"), true},
		"cluster-wide, by the newer list":   {`{includedNamespaces: [rag-engine], includedClusterScopedResources: [nodes]}`, nodes, named("n"), true},
		"cluster-wide, shut out":            {`{includeClusterResources: false}`, nodes, named("n"), false},
		"a claim's volume":                  {`{includedNamespaces: [rag-engine]}`, volumes, named("claimed"), true},
		"a volume of nobody's":              {`{includedNamespaces: [rag-engine]}`, volumes, named("free"), false},
		"a claim's volume, shut out":        {`{includedNamespaces: [rag-engine], includeClusterResources: false}`, volumes, named("claimed"), false},
		"a claim's volume, by short name":   {`{includedNamespaces: [rag-engine], excludedResources: [pv]}`, volumes, named("claimed"), false},
		"a claim's volume, the newer lists": {`{includedNamespaces: [rag-engine], excludedClusterScopedResources: ["*"]}`, volumes, named("claimed"), false},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, problems := selectionOf(specOf(object(t, "b", "spec: "+test.spec)))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			namespaces := map[string]bool{}
			for _, each := range []string{"rag-engine", "other"} {
				namespaces[each] = chosen.namespaces.takes(each)
			}
			got := couldTake(chosen, test.resource) && takes(chosen, test.resource, test.item, namespaces, map[string]bool{"claimed": true})
			if got != test.want {
				t.Errorf("takes = %v, want %v", got, test.want)
			}
		})
	}
}

func TestRenewed(t *testing.T) {
	for name, test := range map[string]struct {
		written string
		gone    [][]string
		kept    []string
	}{
		"a Service": {
			`{kind: Service, spec: {clusterIP: 10.96.1.1, clusterIPs: [10.96.1.1], type: ClusterIP}, status: {loadBalancer: {}}}`,
			[][]string{{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"status"}}, []string{"spec", "type"},
		},
		"a headless Service": {`{kind: Service, spec: {clusterIP: None}}`, nil, []string{"spec", "clusterIP"}},
		"a claim": {
			`{kind: PersistentVolumeClaim, spec: {volumeName: pvc-1, storageClassName: standard}}`,
			[][]string{{"spec", "volumeName"}}, []string{"spec", "storageClassName"},
		},
		"a Pod": {`{kind: Pod, spec: {nodeName: practice-1, restartPolicy: Always}}`, [][]string{{"spec", "nodeName"}}, []string{"spec", "restartPolicy"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := object(t, "x", test.written)
			before.SetUID("1234")
			before.SetResourceVersion("7")
			before.SetAnnotations(map[string]string{"pv.kubernetes.io/bind-completed": "yes", "owner": "me"})
			made := renewed(before, map[string]string{Namespace: "restored"}, map[string]string{"velero.io/restore-name": "r"})
			for _, path := range append(test.gone, []string{"metadata", "uid"}, []string{"metadata", "resourceVersion"}) {
				if _, found, _ := unstructured.NestedFieldNoCopy(made.Object, path...); found {
					t.Errorf("%v stays", path)
				}
			}
			if text(made.Object, test.kept...) == "" {
				t.Errorf("%v is gone", test.kept)
			}
			if made.GetNamespace() != "restored" || made.GetAnnotations()["owner"] != "me" || len(made.GetAnnotations()) != 1 {
				t.Errorf("metadata = %v", made.Object["metadata"])
			}
		})
	}
}

func TestRestorable(t *testing.T) {
	in := func(kind, resource, name, namespace string) entry {
		item := object(t, name, "kind: "+kind)
		item.SetNamespace(namespace)
		return entry{schema.GroupVersionResource{Version: "v1", Resource: resource}, []string{resource}, namespace != "", item.Object}
	}
	owned := in("Pod", "pods", "made", "a")
	if err := unstructured.SetNestedSlice(owned.Object, []any{map[string]any{
		"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "1", "controller": true,
	}}, "metadata", "ownerReferences"); err != nil {
		t.Fatal(err)
	}
	entries := []entry{
		in("Service", "services", "web", "a"), in("ConfigMap", "configmaps", "config", "a"), in("ConfigMap", "configmaps", "other", "b"),
		in("Namespace", "namespaces", "a", ""), in("Event", "events", "e", "a"), in("Pod", "pods", "bare", "a"), owned,
		in("PersistentVolume", "persistentvolumes", "pvc-1", ""),
	}
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"everything":    {`{}`, []string{"a", "config", "other", "bare", "web"}},
		"one namespace": {`{includedNamespaces: [a]}`, []string{"a", "config", "bare", "web"}},
		"one resource":  {`{includedNamespaces: [a], includedResources: [configmaps]}`, []string{"a", "config"}},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, _ := selectionOf(specOf(object(t, "r", "spec: "+test.spec)))
			var got []string
			for _, each := range restorable(entries, chosen) {
				got = append(got, each.object().GetName())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("restorable = %v, want %v", got, test.want)
			}
		})
	}
}

func TestStore(t *testing.T) {
	kept := store(t.TempDir() + "/velero")
	item := object(t, "x", `{kind: Service, spec: {ports: [{port: 80}]}}`)
	if err := kept.write("1234", []entry{{Object: item.Object, Names: []string{"services"}}}); err != nil {
		t.Fatal(err)
	}
	read, err := kept.read("1234")
	if err != nil || len(read) != 1 {
		t.Fatal(read, err)
	}
	if made := renewed(read[0].object(), nil, nil); text(made.Object, "kind") != "Service" {
		t.Errorf("object = %v", made.Object)
	}
	if err := kept.keepOnly(map[string]bool{"1234": true}); err != nil {
		t.Error(err)
	}
	if _, err := kept.read("1234"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if err := kept.keepOnly(nil); err != nil {
		t.Error(err)
	}
	if _, err := kept.read("1234"); err == nil {
		t.Error("it is still there")
	}
	if err := kept.forget("1234"); err != nil {
		t.Errorf("to forget is safe to repeat: %v", err)
	}
}
