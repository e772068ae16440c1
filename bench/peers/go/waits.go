// A peer: goroutines that sleep again and again, for times between 1 and 50 ms, on one thread:
// nanoseconds of CPU a sleep. Or that are parked in a sleep or a read: bytes each.
// waits [tasks=N] [sleeps=N] | waits parked=N [wait=read]
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func sleeper(number, sleeps int) {
	x := uint64(number)*0x9e3779b97f4a7c15 + 1
	for i := 0; i < sleeps; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		time.Sleep(time.Duration(1000+x%49000) * time.Microsecond)
	}
}

// The collector would close the pipe's other end, if nothing held it.
var open *os.File

func parker() func() {
	if text("wait", "sleep") == "sleep" {
		return func() { time.Sleep(time.Hour) }
	}
	reader, writer, err := os.Pipe()
	check(err)
	open = writer
	return func() {
		var one [1]byte
		reader.Read(one[:])
	}
}

func park(tasks int) {
	wait, parked := parker(), 0
	runtime.GC()
	before := footprint()
	for i := 0; i < tasks; i++ {
		go func() {
			parked++ // there is one thread, and no switch in this
			wait()
		}()
	}
	for parked < tasks {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond)
	fmt.Printf("{\"tasks\": %d, \"bytes\": %.1f}\n", tasks,
		float64(footprint()-before)*1024/float64(tasks))
}

func main() {
	runtime.GOMAXPROCS(1)
	if parked := number("parked", 0); parked > 0 {
		park(parked)
		return
	}
	tasks, sleeps := number("tasks", 10000), number("sleeps", 50)
	var group sync.WaitGroup
	group.Add(tasks)
	begun := cpuNs()
	for i := 0; i < tasks; i++ {
		go func(number int) {
			sleeper(number, sleeps)
			group.Done()
		}(i)
	}
	group.Wait()
	fmt.Printf("{\"ns\": %.1f}\n", float64(cpuNs()-begun)/float64(tasks*sleeps))
}
