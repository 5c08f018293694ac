package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const someoneElses = `apiVersion: v1
kind: Config
current-context: work
clusters:
- name: work
  cluster: {server: "https://work.example:6443"}
- name: practice
  cluster: {server: "https://other.example:6443"}
contexts:
- name: work
  context: {cluster: work, user: me, namespace: team}
- name: practice
  context: {cluster: practice, user: me}
users:
- name: me
  user: {token: secret}
`

func ours(name string) entry {
	return entry{
		name: name, user: name + "-admin", data: "/data/one",
		cluster: &clientcmdapi.Cluster{Server: "https://127.0.0.1:1234", CertificateAuthorityData: []byte("our authority")},
		auth:    &clientcmdapi.AuthInfo{ClientCertificateData: []byte("certificate")},
	}
}

func load(t *testing.T, text string) *clientcmdapi.Config {
	t.Helper()
	config, err := clientcmd.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// roundTrip gives what a kubeconfig holds after it was written and read again.
func roundTrip(t *testing.T, config *clientcmdapi.Config) *clientcmdapi.Config {
	t.Helper()
	text, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, string(text))
}

func TestEntryOfSomebodyElseIsLeftAlone(t *testing.T) {
	config := load(t, someoneElses)
	err := ours("practice").putInto(config)
	if err == nil || !strings.Contains(err.Error(), "--context-name") {
		t.Fatalf("want advice to choose another name, got %v", err)
	}
	ours("practice").takeFrom(config, "")
	if config.Clusters["practice"] == nil || config.Clusters["practice"].Server != "https://other.example:6443" {
		t.Error("an entry that is not ours was touched")
	}
}

func TestEntryGoesInAndOutAgain(t *testing.T) {
	config := load(t, someoneElses)
	mine := ours("practice-two")
	if err := mine.putInto(config); err != nil {
		t.Fatal(err)
	}
	config.CurrentContext = mine.name
	config.Contexts[mine.name].Namespace = "rag-engine"
	config = roundTrip(t, config)

	renewed := ours("practice-two")
	renewed.cluster.Server, renewed.cluster.CertificateAuthorityData = "https://127.0.0.1:9999", []byte("a new authority")
	if err := renewed.putInto(config); err != nil {
		t.Fatalf("an entry of ours is known by its note: %v", err)
	}
	if got := config.Clusters[mine.name].Server; got != "https://127.0.0.1:9999" {
		t.Errorf("server is %s", got)
	}
	if got := config.Contexts[mine.name].Namespace; got != "rag-engine" {
		t.Errorf("the learner's namespace became %q", got)
	}

	config = roundTrip(t, config)
	renewed.takeFrom(config, "work")
	if config.Clusters[mine.name] != nil || config.Contexts[mine.name] != nil || config.AuthInfos[mine.user] != nil {
		t.Error("something of ours was left")
	}
	if config.CurrentContext != "work" || config.AuthInfos["me"] == nil || config.Contexts["work"].Namespace != "team" {
		t.Error("the learner's own was not left as it was")
	}
}

func TestUserThatAnotherContextUsesStays(t *testing.T) {
	config := clientcmdapi.NewConfig()
	mine := ours("practice")
	if err := mine.putInto(config); err != nil {
		t.Fatal(err)
	}
	config.Contexts["mine"] = &clientcmdapi.Context{Cluster: "practice", AuthInfo: mine.user}
	mine.takeFrom(config, "")
	if config.AuthInfos[mine.user] == nil {
		t.Error("the user is gone that the learner's context names")
	}
}

func TestEditKubeconfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(someoneElses), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := editKubeconfig(path, func(*clientcmdapi.Config) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != someoneElses {
		t.Error("an edit that changes nothing must write nothing")
	}
	if err := editKubeconfig(path, ours("practice-two").putInto); err != nil {
		t.Fatal(err)
	}
	if backup, _ := os.ReadFile(path + backupSuffix); string(backup) != someoneElses {
		t.Error("the file as it was is not beside it")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o640 {
		t.Errorf("its mode became %v", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.lock")); len(left) > 0 {
		t.Errorf("the lock was left: %v", left)
	}
}

func TestBrokenKubeconfigIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	broken := "clusters: [\n"
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	err := editKubeconfig(path, ours("practice").putInto)
	if err == nil || !strings.Contains(err.Error(), "left as it is") {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != broken {
		t.Error("it was changed")
	}
}
