package kubelet

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestFind(t *testing.T) {
	catalogue := newWorld(t).catalogue
	digest := "@sha256:" + strings.Repeat("9f86d081884c7d65", 4)
	for _, test := range []struct{ image, repository, problem string }{
		{"rag-engine:v1.0.0", "rag-engine", ""},
		{"your-registry/rag-engine:v1.0.0", "rag-engine", ""},
		{"registry.example:5000/team/rag-engine:1.0.0-rc.1", "rag-engine", ""},
		{"rag-engine", "rag-engine", ""},
		{"rag-engine" + digest, "rag-engine", ""},
		{"rag-engine:nope" + digest, "rag-engine", ""},
		{"rag-engine@sha256:9f86d081884c", "", "invalid"},
		{"rag-engine:v7", "", "tag"},
		{"my-rag-engine:v1.0.0", "", "unlisted"},
		{"docker.io/library/busybox:1.37", "busybox", ""},
		{"busybox:1.37.0", "busybox", ""},
		{"docker.io/qdrant/qdrant:v1.18.2-unprivileged", "qdrant", ""},
		{"prom/node-exporter:v1.10.2", "prom/node-exporter", ""},
		{"nginx:lates", "", "tag"},
		{"RAG:1", "", "invalid"},
	} {
		t.Run(test.image, func(t *testing.T) {
			found, err := catalogue.Find(test.image)
			problem := ""
			var unlisted *UnlistedError
			var unknown *UnknownTagError
			var invalid *InvalidNameError
			switch {
			case errors.As(err, &unlisted):
				problem = "unlisted"
			case errors.As(err, &unknown):
				problem = "tag"
			case errors.As(err, &invalid):
				problem = "invalid"
			}
			if found.Name != test.repository || problem != test.problem {
				t.Errorf("%q, %q (%v)", found.Name, problem, err)
			}
		})
	}
}

func TestUsers(t *testing.T) {
	catalogue := newWorld(t).catalogue
	for image, user := range map[string]string{"qdrant/qdrant:v1.18.2": "", "qdrant/qdrant:v1.18.2-unprivileged": "1000", "rag-engine:v1.0.0": "1000"} {
		if found, err := catalogue.Find(image); err != nil || found.RunsAs() != user {
			t.Errorf("%s runs as %q (%v)", image, found.RunsAs(), err)
		}
	}
}

func TestAdd(t *testing.T) {
	dir := t.TempDir()
	list, err := openImages(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.find("ghcr.io/me/app:v1"); err == nil {
		t.Fatal("it is on the list already")
	}
	for _, want := range []bool{true, false} {
		if added, err := Add(dir, "ghcr.io/me/app:v1"); err != nil || added != want {
			t.Errorf("added: %v (%v)", added, err)
		}
	}
	if _, err := list.find("ghcr.io/me/app:v1"); err != nil {
		t.Errorf("a list that is open does not notice: %v", err)
	}
	if _, err := list.find("ghcr.io/me/app:v2"); err == nil {
		t.Error("another tag is on the list")
	}
	if _, err := Add(dir, "my/gateway:v9"); err != nil {
		t.Error(err)
	}
	if found, err := list.find("my/gateway:v9"); err != nil || !slices.Equal(found.Ports, []int32{8080}) {
		t.Errorf("it does not play the gateway: %+v (%v)", found, err)
	}
	if _, err := list.find("gateway:v9"); err == nil {
		t.Error("the course's own gateway has gained a tag")
	}
	if _, err := Add(dir, "Not An Image"); err == nil {
		t.Error("what is no image was added")
	}
}

func TestInterpret(t *testing.T) {
	around := surroundings{
		env:   map[string]string{"HOST": "qdrant", "URL": "12345"},
		files: map[string]string{"/app/config/A": "1\n", "/app/config/B": "2"},
	}
	for _, test := range []struct {
		name string
		argv []string
		want result
	}{
		{"sleep", []string{"sleep", "3"}, result{after: 3 * time.Second}},
		{"minutes", []string{"/bin/sleep", "2m"}, result{after: 2 * time.Minute}},
		{"for ever", []string{"sleep", "infinity"}, result{forever: true}},
		{"false", []string{"false"}, result{code: 1}},
		{"unknown", []string{"python", "-m", "app"}, result{unknown: true}},
		{"script", []string{"sh", "-c", "echo hi; sleep 2; exit 3"}, result{lines: saidAt(0, "hi"), after: 2 * time.Second, code: 3, exit: true}},
		{"and", []string{"sh", "-c", "false && echo no || echo yes"}, result{lines: saidAt(0, "yes")}},
		{"variables", []string{"sh", "-c", `echo "at $HOST" ${#URL} '$HOST' ${NO:-none}`}, result{lines: saidAt(0, "at qdrant 5 $HOST none")}},
		{"files", []string{"sh", "-ec", "ls /app/config; cat /app/config/A; exec sleep infinity"}, result{lines: saidAt(0, "A", "B", "1"), forever: true}},
		{"loop", []string{"sh", "-c", "while read -r name; do echo; done"}, result{unknown: true}},
		{"waits for something", []string{"sh", "-c", "until nc -z db 5432; do sleep 1; done"}, result{unknown: true}},
		{"into a file", []string{"sh", "-c", "echo secret > /tmp/x; echo seen >&2"}, result{lines: saidAt(0, "seen")}},
		{"tail", []string{"tail", "-f", "/dev/null"}, result{forever: true}},
		{"unset", []string{"printenv", "NO"}, result{code: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := interpret(test.argv, around); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, not %+v", got, test.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	a := newAddresses()
	a.keep("one", "old", "10.244.3.7")
	seen := map[string]bool{"10.244.3.7": true}
	for number := range 600 {
		ip, err := a.take("one", types.UID(fmt.Sprint("one-", number)))
		if err != nil || seen[ip] {
			t.Fatalf("%s is given twice (%v)", ip, err)
		}
		seen[ip] = true
	}
	if first, _ := a.take("two", "x"); seen[first] {
		t.Errorf("%s is given to two nodes", first)
	}
	if again, _ := a.take("one", "old"); again != "10.244.3.7" {
		t.Errorf("a Pod that had 10.244.3.7 gets %s", again)
	}
	before, _ := a.take("two", "y")
	a.release("y")
	if after, _ := a.take("two", "z"); after == before {
		t.Errorf("%s is reused at once", after)
	}
}
