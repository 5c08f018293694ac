package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	// extensionName marks our entry in the learner's kubeconfig. Kubeconfigs have extensions for such notes.
	extensionName = "practice-cluster"
	backupSuffix  = ".before-practice-cluster"
	// kubectl holds its lock on a kubeconfig for moments only.
	kubeconfigLockWait = 5 * time.Second
)

// merged says where `up --merge` has put this cluster, and which context was current there before.
type merged struct {
	File     string `json:"file"`
	Previous string `json:"previous"`
}

// entry is a cluster as it stands in a kubeconfig.
type entry struct {
	name    string // of its context and its cluster
	user    string
	cluster *clientcmdapi.Cluster
	auth    *clientcmdapi.AuthInfo
	data    string // the cluster's folder: how we know our own entry again
}

func (c *cluster) entry() (entry, error) {
	own, err := clientcmd.LoadFromFile(c.kubeconfig())
	if err != nil {
		return entry{}, err
	}
	context := own.Contexts[own.CurrentContext]
	if context == nil {
		return entry{}, fmt.Errorf("%s has no current context", c.kubeconfig())
	}
	return entry{own.CurrentContext, context.AuthInfo, own.Clusters[context.Cluster], own.AuthInfos[context.AuthInfo], c.dir}, nil
}

// mergeKubeconfig puts the cluster into the learner's own kubeconfig and makes it the current context there.
func (c *cluster) mergeKubeconfig() error {
	file, err := learnersKubeconfig()
	if err != nil {
		return err
	}
	if sameFile(file, c.kubeconfig()) {
		return errors.New("KUBECONFIG names this cluster's own kubeconfig, so there is nothing to merge. To merge into ~/.kube/config: unset KUBECONFIG")
	}
	if c.settings.Merged != nil && c.settings.Merged.File != file {
		if err := c.unmergeKubeconfig(); err != nil {
			return err
		}
	}
	ours, err := c.entry()
	if err != nil {
		return err
	}
	previous := ""
	err = editKubeconfig(file, func(config *clientcmdapi.Config) error {
		previous = config.CurrentContext
		if err := ours.putInto(config); err != nil {
			return fmt.Errorf("%s %w", file, err)
		}
		config.CurrentContext = ours.name
		return nil
	})
	if err != nil {
		return err
	}
	if c.settings.Merged == nil || previous != ours.name {
		c.settings.Merged = &merged{File: file, Previous: previous}
	}
	fmt.Fprintf(os.Stderr, "%s has the context %s now, and it is the current one.\n", file, ours.name)
	return c.saveSettings()
}

// refreshMerged brings an entry that was merged earlier up to date: the port or the certificates may be new. Whether it is the current context
// is left to the learner.
func (c *cluster) refreshMerged() error {
	if c.settings.Merged == nil {
		return nil
	}
	ours, err := c.entry()
	if err != nil {
		return err
	}
	return editKubeconfig(c.settings.Merged.File, func(config *clientcmdapi.Config) error {
		if !ours.isIn(config) { // the learner has removed it
			return nil
		}
		return ours.putInto(config)
	})
}

// unmergeKubeconfig takes out what mergeKubeconfig has put in, if it is still ours.
func (c *cluster) unmergeKubeconfig() error {
	if c.settings.Merged == nil {
		return nil
	}
	file, previous := c.settings.Merged.File, c.settings.Merged.Previous
	ours, err := c.entry()
	if err != nil { // its kubeconfig is gone, but the note in the entry tells enough
		ours = entry{name: c.context(), user: c.userName(adminIdentity), data: c.dir}
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return editKubeconfig(file, func(config *clientcmdapi.Config) error {
		ours.takeFrom(config, previous)
		return nil
	})
}

func (e entry) isIn(config *clientcmdapi.Config) bool {
	found := config.Clusters[e.name]
	return found != nil && e.isOurs(found)
}

// isOurs knows the entry by the note in it, or by the authority, which no other cluster has.
func (e entry) isOurs(found *clientcmdapi.Cluster) bool {
	if e.cluster != nil && bytes.Equal(found.CertificateAuthorityData, e.cluster.CertificateAuthorityData) {
		return true
	}
	note, ok := found.Extensions[extensionName].(*runtime.Unknown)
	if !ok {
		return false
	}
	var said struct{ Data string }
	return json.Unmarshal(note.Raw, &said) == nil && said.Data == e.data
}

// putInto adds or updates the three parts of the entry. Parts of the same names that are not ours are left alone, with an error.
func (e entry) putInto(config *clientcmdapi.Config) error {
	if !e.isIn(config) {
		taken := ""
		switch {
		case config.Contexts[e.name] != nil:
			taken = "context " + e.name
		case config.Clusters[e.name] != nil:
			taken = "cluster " + e.name
		case config.AuthInfos[e.user] != nil:
			taken = "user " + e.user
		}
		if taken != "" {
			return fmt.Errorf("has a %s already that is not of this cluster, and it was left as it is. Choose another name with --context-name", taken)
		}
	}
	note, err := json.Marshal(map[string]string{"data": e.data})
	if err != nil {
		return err
	}
	cluster := e.cluster.DeepCopy()
	cluster.LocationOfOrigin = ""
	cluster.Extensions = map[string]runtime.Object{extensionName: &runtime.Unknown{Raw: note, ContentType: runtime.ContentTypeJSON}}
	user := e.auth.DeepCopy()
	user.LocationOfOrigin = ""
	context := config.Contexts[e.name]
	if context == nil { // the learner's default namespace in an existing one is kept
		context = clientcmdapi.NewContext()
	}
	context.Cluster, context.AuthInfo = e.name, e.user
	config.Clusters[e.name], config.AuthInfos[e.user], config.Contexts[e.name] = cluster, user, context
	return nil
}

// takeFrom removes the parts of the entry that are ours, and makes the context current again that was so before, if it still exists.
func (e entry) takeFrom(config *clientcmdapi.Config, previous string) {
	if !e.isIn(config) {
		return
	}
	delete(config.Clusters, e.name)
	if context := config.Contexts[e.name]; context != nil && context.Cluster == e.name {
		delete(config.Contexts, e.name)
		if config.CurrentContext == e.name {
			config.CurrentContext = ""
			if config.Contexts[previous] != nil {
				config.CurrentContext = previous
			}
		}
	}
	for _, context := range config.Contexts {
		if context.AuthInfo == e.user {
			return // the learner uses it in a context of their own
		}
	}
	delete(config.AuthInfos, e.user)
}

// learnersKubeconfig is the file that kubectl would change: the first that KUBECONFIG names, else ~/.kube/config; behind a link, its target.
func learnersKubeconfig() (string, error) {
	file := ""
	for _, name := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if name != "" {
			file = name
			break
		}
	}
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("there is no home folder, so no ~/.kube/config to merge into (%w). Name a file with KUBECONFIG", err)
		}
		file = filepath.Join(home, ".kube", "config")
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	return filepath.Abs(file)
}

// editKubeconfig changes a kubeconfig at once, under the lock that kubectl takes too. What was in it before is kept beside it.
func editKubeconfig(path string, edit func(*clientcmdapi.Config) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%s cannot be made: %w", filepath.Dir(path), cause(err))
	}
	unlock, err := lockKubeconfig(path)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	config, err := clientcmd.Load(before)
	if err != nil {
		return fmt.Errorf("%s is not a kubeconfig that can be read, and it was left as it is: %w", path, err)
	}
	was, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	if err := edit(config); err != nil {
		return err
	}
	after, err := clientcmd.Write(*config)
	if err != nil || bytes.Equal(was, after) {
		return err
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		if err := replaceFile(path+backupSuffix, before, mode); err != nil {
			return fmt.Errorf("%s cannot be backed up, and it was left as it is: %w", path, cause(err))
		}
	}
	if err := replaceFile(path, after, mode); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, cause(err))
	}
	return nil
}

func lockKubeconfig(path string) (unlock func(), err error) {
	lock := path + ".lock"
	for deadline := time.Now().Add(kubeconfigLockWait); ; time.Sleep(50 * time.Millisecond) {
		file, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL, 0)
		if err == nil {
			_ = file.Close()
			return func() { _ = os.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%s cannot be written: %w", path, cause(err))
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another program holds %s. If none does (it was killed, say), remove that file", lock)
		}
	}
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
