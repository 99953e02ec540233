package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A Reading is what one command took.
type Reading struct {
	Seconds float64 `json:"seconds"`
	Bare    float64 `json:"without_sync"`
	CPU     float64 `json:"cpu_seconds"`
	MaxRSS  int64   `json:"max_rss"`
	Code    int     `json:"code"`
}

// clock runs command and writes a Reading to out.
//
// It is no Python because a child counts the memory of whoever started it until it calls exec,
// so that nothing could be seen to take less than an interpreter.
func clock(out string, command []string) error {
	syscall.Sync()
	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	begun := time.Now()
	err := child.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	bare := time.Since(begun)
	syscall.Sync()
	usage := child.ProcessState.SysUsage().(*syscall.Rusage)
	text, err := json.Marshal(Reading{
		Seconds: time.Since(begun).Seconds(),
		Bare:    bare.Seconds(),
		CPU:     (child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds(),
		MaxRSS:  usage.Maxrss << 10,
		Code:    child.ProcessState.ExitCode(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
