// A peer: items of 8 bytes through a channel, from one goroutine to another:
// channel [items=N] [capacity=N] [loops=2] [choose=1]
package main

import (
	"fmt"
	"runtime"
	"time"
)

func receiver(there chan uint64) func() (uint64, bool) {
	if number("choose", 0) == 0 {
		return func() (uint64, bool) {
			item, ok := <-there
			return item, ok
		}
	}
	other := make(chan uint64)
	return func() (uint64, bool) {
		select {
		case item, ok := <-there:
			return item, ok
		case item, ok := <-other:
			return item, ok
		}
	}
}

func main() {
	items, loops := number("items", 5000000), number("loops", 1)
	runtime.GOMAXPROCS(loops)
	there, done := make(chan uint64, number("capacity", 0)), make(chan bool)
	begun, begunCPU := time.Now(), cpuNs()
	go func() {
		next := uint64(0)
		for receive := receiver(there); ; next++ {
			item, ok := receive()
			if !ok {
				break
			}
			if item != next {
				panic("out of order")
			}
		}
		done <- true
	}()
	for i := 0; i < items; i++ {
		there <- uint64(i)
	}
	close(there)
	<-done
	ns := cpuNs() - begunCPU
	if loops > 1 {
		ns = time.Since(begun).Nanoseconds()
	}
	fmt.Printf("{\"ns\": %.4f}\n", float64(ns)/float64(items))
}
