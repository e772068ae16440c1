// What the peers in Go share: arguments of the form key=value, this process's time and memory.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func number(key string, otherwise int) int {
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, key+"=") {
			n, err := strconv.Atoi(arg[len(key)+1:])
			if err == nil {
				return n
			}
		}
	}
	return otherwise
}

func text(key, otherwise string) string {
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, key+"=") {
			return arg[len(key)+1:]
		}
	}
	return otherwise
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func cpuNs() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// The line of a file of /proc that begins with the key, in kB.
func kilobytes(path, key string) int {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == key {
			n, err := strconv.Atoi(words[1])
			check(err)
			return n
		}
	}
	return 0
}

// Resident pages and page tables, in kB.
func footprint() int {
	return kilobytes("/proc/self/smaps_rollup", "Rss:") + kilobytes("/proc/self/status", "VmPTE:")
}
