package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A component holds a lock on its pid file for as long as it lives. So a pid left over from before a reboot, which may be anybody's by
// now, is never mistaken for ours.
const lockVariable = "PRACTICE_CLUSTER_LOCK"

// commandLock is held by an up or down at work.
const commandLock = "command"

// errLocked says that another process holds a lock.
var errLocked = errors.New("another process holds it")

// holdLock takes the lock that `up` named, if any, and writes our pid beside it. It returns what releases it.
func holdLock() func() {
	path := os.Getenv(lockVariable)
	if path == "" {
		return func() {}
	}
	lock, err := tryLock(path, true)
	if err != nil {
		fmt.Fprintf(os.Stderr, "another process holds %s: %v\n", path, err)
		os.Exit(1)
	}
	if err := os.WriteFile(path+".pid", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return func() {
		_ = os.Remove(path + ".pid")
		_ = lock.Close()
	}
}

// start runs a component in the background, its output in logs/NAME.log.
func (c *cluster) start(name string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.dir, "logs", name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(self, append([]string{name}, args...)...)
	command.Stdout, command.Stderr = log, log
	command.Dir = c.dir
	command.Env = append(environment(name, os.Environ()), lockVariable+"="+c.lock(name))
	detach(command)
	if err := startPatiently(command); err != nil {
		return fmt.Errorf("%s could not be started: %w", name, err)
	}
	return command.Process.Release()
}

func (c *cluster) lock(name string) string { return filepath.Join(c.dir, "run", name) }

// alive tells whether a component of this cluster runs, by its lock.
func (c *cluster) alive(name string) bool {
	lock, err := tryLock(c.lock(name), false)
	if err == nil {
		_ = lock.Close()
		return false
	}
	return errors.Is(err, errLocked)
}

// tryCommandLock takes the lock of commands and says who holds it. A file that was deleted while we took its lock is none.
func (c *cluster) tryCommandLock() (*os.File, error) {
	path := c.lock(commandLock)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock, err := tryLock(path, true)
	if err != nil {
		return nil, err
	}
	ours, err := lock.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(path); err == nil && !os.SameFile(ours, there) {
			err = errLocked
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errLocked
	}
	if err == nil {
		err = os.WriteFile(path+".pid", []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// process is the one that holds a lock, by the number that it has written beside it.
func (c *cluster) process(name string) (*os.Process, error) {
	data, err := os.ReadFile(c.lock(name) + ".pid")
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("%s.pid holds no process number", c.lock(name))
	}
	return os.FindProcess(pid)
}

// stop ends a component: politely, and after ten seconds by force.
func (c *cluster) stop(name string) error {
	deadline := time.Now().Add(10 * time.Second)
	for asked := false; c.alive(name); time.Sleep(50 * time.Millisecond) {
		process, err := c.process(name)
		if err != nil { // it has the lock but has not written its pid yet
			if time.Now().After(deadline) {
				return fmt.Errorf("%s runs, but its process is not known: %w", name, err)
			}
			continue
		}
		if time.Now().After(deadline) {
			_ = process.Kill()
		} else if !asked {
			asked = true
			terminate(process)
		}
	}
	return nil
}

// Go's garbage collector and scheduler, told that at rest little memory and few wake-ups matter more than speed. Only the API server and
// the database have work for more than one processor, and then not for many.
const (
	frugalMemory = "GOGC=50"
	twoCores     = "GOMAXPROCS=2"
	oneCore      = "GOMAXPROCS=1"
)

// environment is what a component gets of ours: no proxy, for all that it talks to is on this machine, and frugal settings unless the
// environment has others.
func environment(component string, ours []string) []string {
	cores := oneCore
	if component == "kube-apiserver" || component == "etcd" {
		cores = twoCores
	}
	kept := []string{frugalMemory, cores} // of two with the same name, the later one counts
	for _, pair := range ours {
		name, _, _ := strings.Cut(pair, "=")
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", lockVariable:
			continue
		}
		kept = append(kept, pair)
	}
	return kept
}
