//go:build !windows

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// detach lets a component outlive the terminal that started it.
func detach(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

func terminate(process *os.Process) {
	_ = process.Signal(syscall.SIGTERM)
}
