package main

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestComponentHasTimerSlackAndWeKeepOurs(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		t.Skipf("this kernel has no timer slack: %v", err)
	}
	var said strings.Builder
	command := exec.Command("cat", "/proc/self/timerslack_ns")
	command.Stdout = &said
	if err := startPatiently(command); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Skipf("this kernel does not tell a process's timer slack: %v", err)
	}
	if want := strconv.FormatInt(timerSlack.Nanoseconds(), 10); strings.TrimSpace(said.String()) != want {
		t.Errorf("the child's timer slack is %q, not %s", said.String(), want)
	}
	if after, _ := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); after != before {
		t.Errorf("our own timer slack is %d, and was %d", after, before)
	}
}
