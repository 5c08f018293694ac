package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/tools/clientcmd"
	"practice-cluster/advice"
	"practice-cluster/standins/metrics"
)

const (
	// etcd writes its log in pieces of 64 MB, and has the next one ready; the rest is for the database and the programs' logs.
	spaceToStart = 300 << 20
	// certificatesLeft is how long the certificates of a cluster that runs must still be good for.
	certificatesLeft = 30 * 24 * time.Hour
)

func (c *cluster) checkOptions(options launchOptions) error {
	if options.port < 0 || options.port > 65535 {
		return fmt.Errorf("--port %d is no port: it goes from 1 to 65535", options.port)
	}
	if strings.ContainsAny(options.context, " \t\r\n/") {
		return fmt.Errorf("--context-name %q must have no space and no slash in it", options.context)
	}
	return nil
}

// makeFolders makes the cluster's folder, and tells from it whether it can be written.
func (c *cluster) makeFolders() error {
	for _, folder := range []string{"", "pki", filepath.Join("pki", metrics.FrontProxyFolder), "logs", "run", "etcd"} {
		if err := os.MkdirAll(filepath.Join(c.dir, folder), 0o700); err != nil {
			return c.notWritable(err)
		}
	}
	probe, err := os.CreateTemp(c.dir, ".new-*")
	if err != nil {
		return c.notWritable(err)
	}
	_ = probe.Close()
	return os.Remove(probe.Name())
}

func (c *cluster) notWritable(err error) error {
	switch {
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Errorf("the path %.60s… is too long. Choose a shorter folder with --data", c.dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk of %s is full. Make room, or choose a folder on another disk with --data", c.dir)
	}
	where := c.dir
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) && filepath.Dir(pathError.Path) != c.dir {
		where = pathError.Path
	}
	return fmt.Errorf("%s cannot be written (%w). Choose another folder with --data", where, cause(err))
}

// reread takes the state in the folder as it is now that nobody else changes it.
func (c *cluster) reread() error {
	if err := c.readJSON("ports.json", &c.ports); err != nil {
		return err
	}
	return c.readJSON("settings.json", &c.settings)
}

// checkBeforeStart finds what would otherwise fail later, in a component's log.
func (c *cluster) checkBeforeStart() error {
	if newer(c.settings.Kubernetes, kubernetesVersion()) {
		return fmt.Errorf("the cluster in %s was last run by Kubernetes %s, and this program has %s, which cannot read what a newer one has written. "+
			"Use the newer program, another folder (--data), or start afresh with: %s",
			c.dir, c.settings.Kubernetes, kubernetesVersion(), advice.Command("down --delete"))
	}
	free, err := freeSpace(c.dir)
	if err == nil && free < spaceToStart {
		return fmt.Errorf("the disk of %s has %d MB left, and the cluster needs %d. Make room, or choose a folder on another disk with --data",
			c.dir, free>>20, spaceToStart>>20)
	}
	return nil
}

// newer compares minor versions: a patch release never changes how objects are stored.
func newer(last, ours string) bool {
	was, err := version.ParseGeneric(last)
	if err != nil {
		return false
	}
	is, err := version.ParseGeneric(ours)
	return err == nil && version.MajorMinor(is.Major(), is.Minor()).LessThan(version.MajorMinor(was.Major(), was.Minor()))
}

// whyAnew says why components that run must be started again, if they must.
func (c *cluster) whyAnew(alive []string) string {
	switch {
	case len(alive) < len(order):
		return fmt.Sprintf("Only %s still runs; stopping it to start afresh.", strings.Join(alive, ", "))
	case c.settings.Kubernetes != "" && c.settings.Kubernetes != kubernetesVersion() && !newer(c.settings.Kubernetes, kubernetesVersion()):
		return fmt.Sprintf("It runs Kubernetes %s; starting it again with %s.", c.settings.Kubernetes, kubernetesVersion())
	case c.settings.Kubernetes == kubernetesVersion() && c.settings.Program != programPrint():
		return "It was started from another build of this program; starting it again."
	case !c.certificatesGood(time.Now()):
		return "Its certificates end soon, or the clock was moved; starting it again with new ones."
	}
	return ""
}

// certificatesGood tells whether the API server's certificate holds now and for some weeks.
func (c *cluster) certificatesGood(now time.Time) bool {
	certificate, err := readCertificate(filepath.Join(c.dir, "pki", "apiserver.crt"))
	return err == nil && now.After(certificate.NotBefore) && now.Add(certificatesLeft).Before(certificate.NotAfter)
}

// programPrint tells one build of this program from another, quickly: by where it is, its size and its age.
func programPrint() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(self)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", info.Size(), info.ModTime().UnixNano()))
	return hex.EncodeToString(sum[:8])
}

// lockCommands lets one up or down work on the folder at a time; others wait for it. With interrupt the one that works is asked to stop.
func (c *cluster) lockCommands(ctx context.Context, interrupt bool) (unlock func(), err error) {
	for waited := false; ; waited = true {
		lock, err := c.tryCommandLock()
		if err == nil {
			return func() {
				_ = os.Remove(c.lock(commandLock) + ".pid")
				_ = lock.Close()
			}, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, c.notWritable(err)
		}
		if !waited {
			fmt.Fprintf(os.Stderr, "Another practice-cluster command is at work in %s; waiting for it to end.\n", c.dir)
			if process, err := c.process(commandLock); interrupt && err == nil {
				terminate(process)
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another practice-cluster command is still at work in %s. Try again when it has ended", c.dir)
		case <-time.After(pollEvery):
		}
	}
}

// remove deletes the folder. The lock's file goes first, while it is held, so that nobody who waits for it takes the old one.
func (c *cluster) remove() error {
	_ = os.Remove(c.lock(commandLock)) // where open files cannot be removed, it goes with the rest
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("%s cannot be removed entirely: %w", c.dir, cause(err))
	}
	return nil
}

// rename gives the cluster another name in kubeconfigs, in its own at once.
func (c *cluster) rename(name string) error {
	if name == "" || name == c.context() {
		return nil
	}
	if err := c.unmergeKubeconfig(); err != nil {
		return err
	}
	c.settings.Context, c.settings.Merged = name, nil
	if err := c.saveSettings(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.dir, "pki", adminIdentity+".crt")); err != nil {
		return nil // not launched yet
	}
	return c.writeKubeconfig(c.kubeconfig(), adminIdentity)
}

// known are the ends of logs that have a plain meaning for a learner.
var known = []struct{ words, meaning string }{
	{"no space left on device", "The disk is full. Make room and run: " + advice.Command("up")},
	{"disk quota exceeded", "Your disk quota is used up. Make room and run: " + advice.Command("up")},
	{"address already in use", "Another program took its port in this moment. Run again: " + advice.Command("up")},
	{"file size", "A limit of this shell on the size of files is too small (ulimit -f). Lift it and run: " + advice.Command("up")},
	{"too many open files", "A limit of this shell on open files is too small. Run: ulimit -n 4096, then " + advice.Command("up")},
	{"cannot allocate memory", "The machine has no memory left. The cluster needs about 1 GB: close other programs and run " + advice.Command("up")},
	{"fatal error: runtime: out of memory", "The machine has no memory left. The cluster needs about 1 GB: close other programs and run " + advice.Command("up")},
}

// explain says what a dead component's log means.
func explain(name, log string) string {
	lower := strings.ToLower(log)
	for _, one := range known {
		if strings.Contains(lower, one.words) {
			return one.meaning
		}
	}
	if name == "etcd" {
		return "Its database cannot be read. If that stays so, start afresh with: " +
			advice.Command("down --delete") + ", then " + advice.Command("up")
	}
	return ""
}

// bare is the reason of a network error, without the address that our own sentence names already.
func bare(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}

// shellWord quotes a path for a shell where it needs quotes.
func shellWord(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:@%\\", r))
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// kubeconfigContext is the current context of the cluster's own kubeconfig, which the learner may have renamed.
func (c *cluster) kubeconfigContext() string {
	config, err := clientcmd.LoadFromFile(c.kubeconfig())
	if err != nil {
		return c.context()
	}
	return config.CurrentContext
}
