package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestNewer(t *testing.T) {
	for name, tc := range map[string]struct {
		last, ours string
		want       bool
	}{
		"never run":           {"", "v1.37.2", false},
		"the same":            {"v1.37.2", "v1.37.2", false},
		"an older one":        {"v1.36.3", "v1.37.2", false},
		"a newer patch":       {"v1.37.3", "v1.37.2", false},
		"a newer minor":       {"v1.37.0", "v1.36.3", true},
		"ten is not one":      {"v1.9.0", "v1.10.0", false},
		"no version that was": {"unknown", "v1.37.2", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newer(tc.last, tc.ours); got != tc.want {
				t.Errorf("newer(%q, %q) = %v", tc.last, tc.ours, got)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"up", "down", "status", "help", "load", "images"}
	for word, want := range map[string]string{"upp": "up", "dwon": "down", "stauts": "status", "Down": "down", "image": "images", "xyzzy": "", "": ""} {
		if got, _ := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for path, want := range map[string]string{
		"/home/me/kubeconfig": "/home/me/kubeconfig",
		"/home/a b/x":         "'/home/a b/x'",
		"/it's/é":             `'/it'\''s/é'`,
	} {
		if got := shellWord(path); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestEnvironmentOfComponents(t *testing.T) {
	got := environment("etcd", []string{"HOME=/h", "https_proxy=http://p", "HTTP_PROXY=http://p", lockVariable + "=/old"})
	if want := []string{"GOGC=50", "GOMAXPROCS=2", "HOME=/h"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	command := exec.Command("env")
	command.Env = environment("kwok", []string{"GOGC=200"})
	if !slices.Contains(command.Environ(), "GOGC=200") || slices.Contains(command.Environ(), "GOGC=50") {
		t.Errorf("a GOGC of the caller's counts, got %v", command.Environ())
	}
}

func TestAuthorityOutlivesWhatItSigns(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		from, until time.Duration
		want        bool
	}{
		"in its best years":      {-time.Hour, 5 * 365 * 24 * time.Hour, true},
		"near its end":           {-time.Hour, 300 * 24 * time.Hour, false},
		"the clock was put back": {time.Hour, 10 * 365 * 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			authority := &x509.Certificate{NotBefore: now.Add(tc.from), NotAfter: now.Add(tc.until)}
			if got := outlivesLeaves(authority, now); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// A kubeconfig that was copied elsewhere holds the old authority's certificate; what the renewed one signs must pass for it too.
func TestRenewedAuthorityIsTrustedByOldKubeconfigs(t *testing.T) {
	dir := t.TempDir()
	old, err := openAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := openAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !renewed.cert.Equal(old.cert) {
		t.Error("an authority in its best years was renewed")
	}
	if err := renewed.signItself(); err != nil {
		t.Fatal(err)
	}
	if renewed.cert.Equal(old.cert) {
		t.Fatal("it was not renewed")
	}
	if err := renewed.issue("server", subject{name: "server", hosts: []string{"127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	leaf, err := readCertificate(filepath.Join(dir, "server.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(old.cert)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "127.0.0.1"}); err != nil {
		t.Error(err)
	}
}

func TestLockOfCommands(t *testing.T) {
	c := &cluster{dir: t.TempDir()}
	lock, err := c.tryCommandLock()
	if err != nil {
		t.Fatal(err)
	}
	if !c.alive(commandLock) {
		t.Error("a held lock looks free")
	}
	if process, err := c.process(commandLock); err != nil || process.Pid != os.Getpid() {
		t.Errorf("its holder is %v, %v", process, err)
	}
	_ = lock.Close()
	if c.alive(commandLock) {
		t.Error("a lock that was given back looks held")
	}
}

func TestExplain(t *testing.T) {
	for name, tc := range map[string]struct{ component, log, want string }{
		"full disk": {"kube-apiserver", "write: no space left on device", known[0].meaning},
		"unknown":   {"kwok", "something else", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := explain(tc.component, tc.log); got != tc.want {
				t.Errorf("got %q", got)
			}
		})
	}
	if explain("etcd", "panic: bad page") == "" {
		t.Error("a database that cannot be read must be explained")
	}
}
