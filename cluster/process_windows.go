package main

import (
	"os"
	"os/exec"
	"syscall"
)

const detachedProcess = 0x00000008

// detach lets a component outlive the terminal that started it.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}

// terminate has no polite form for a detached process on Windows; etcd's write-ahead log is made for that.
func terminate(process *os.Process) {
	_ = process.Kill()
}
