//go:build !windows

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// tryLock takes the lock of a file, or says errLocked. It holds until the file is closed, so for no longer than the process lives.
func tryLock(path string, create bool) (*os.File, error) {
	flag := os.O_WRONLY
	if create {
		flag |= os.O_CREATE
	}
	lock, err := fileutil.TryLockFile(path, flag, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	return lock.File, nil
}

// detach lets a component outlive the terminal that started it.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

func terminate(process *os.Process) {
	_ = process.Signal(syscall.SIGTERM)
}

// freeSpace is how many bytes the disk of a folder has left for this user.
func freeSpace(folder string) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, err
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), nil
}
