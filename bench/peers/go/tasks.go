// A peer: goroutines that yield, or that are spawned and joined, on one thread:
// tasks yield=ROUNDS | tasks alive=N tasks=N
package main

import (
	"fmt"
	"runtime"
	"sync"
)

func spawnAndJoin(alive int) {
	var group sync.WaitGroup
	group.Add(alive)
	for i := 0; i < alive; i++ {
		go group.Done()
	}
	group.Wait()
}

func yields(rounds int) {
	var group sync.WaitGroup
	group.Add(2)
	for i := 0; i < 2; i++ {
		go func() {
			for i := 0; i < rounds; i++ {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
}

func main() {
	runtime.GOMAXPROCS(1)
	rounds, alive, tasks := number("yield", 0), number("alive", 1), number("tasks", 5000000)
	spawnAndJoin(alive)
	begun := cpuNs()
	if rounds > 0 {
		yields(rounds)
		tasks = rounds
	} else {
		for done := 0; done < tasks; done += alive {
			spawnAndJoin(alive)
		}
	}
	fmt.Printf("{\"ns\": %.4f}\n", float64(cpuNs()-begun)/float64(tasks))
}
