//go:build !linux

package main

import "os/exec"

// startPatiently starts a command. That its timers may be late, which saves wake-ups, can be said on Linux alone.
func startPatiently(command *exec.Cmd) error { return command.Start() }
