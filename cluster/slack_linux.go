package main

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked for a component at rest may be woken. Hundreds of timers run in a control plane in which nothing
// happens (every work queue's metrics, every watch's bookmarks), each for itself; with some slack Linux wakes a process once for many of
// them, which halves what the cluster costs. What comes from outside, a request or an answer, is never late by it, and a
// processor that is busy fires what is due anyway. See PR_SET_TIMERSLACK in prctl(2): threads and programs inherit it.
const timerSlack = 25 * time.Millisecond

// startPatiently starts a command whose timers have slack. Where that is forbidden, it starts without.
func startPatiently(command *exec.Cmd) error {
	runtime.LockOSThread() // the child inherits the slack of the thread that starts it
	defer runtime.UnlockOSThread()
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err == nil && unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0) == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) }()
	}
	return command.Start()
}
