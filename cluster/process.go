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

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// A component holds a lock on its pid file for as long as it lives. So a pid left over from before a reboot, which may be anybody's by
// now, is never mistaken for ours.
const lockVariable = "PRACTICE_CLUSTER_LOCK"

// holdLock takes the lock that `up` named, if any, and writes our pid beside it. It returns what releases it.
func holdLock() func() {
	path := os.Getenv(lockVariable)
	if path == "" {
		return func() {}
	}
	lock, err := fileutil.TryLockFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
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
	command.Env = append(os.Environ(), lockVariable+"="+c.lock(name))
	detach(command)
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s could not be started: %w", name, err)
	}
	return command.Process.Release()
}

func (c *cluster) lock(name string) string { return filepath.Join(c.dir, "run", name) }

// alive tells whether a component of this cluster runs, by its lock.
func (c *cluster) alive(name string) bool {
	lock, err := fileutil.TryLockFile(c.lock(name), os.O_WRONLY, 0o600)
	if err == nil {
		_ = lock.Close()
		return false
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// stop ends a component: politely, and after ten seconds by force.
func (c *cluster) stop(name string) error {
	deadline := time.Now().Add(10 * time.Second)
	for asked := false; c.alive(name); time.Sleep(50 * time.Millisecond) {
		data, err := os.ReadFile(c.lock(name) + ".pid")
		if err != nil { // it has the lock but has not written its pid yet
			if time.Now().After(deadline) {
				return fmt.Errorf("%s runs, but its process is not known: %w", name, err)
			}
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			return fmt.Errorf("%s.pid holds no process number", c.lock(name))
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			return err
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
