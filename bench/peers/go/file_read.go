// A peer: random reads of a file by goroutines, a thread for each that waits; the file is there
// already. What is read and the arguments: bench/file_read.h.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const block = 4096

type reads struct {
	file   *os.File
	blocks uint64
	left   int
	random uint64
}

// There is one thread that runs goroutines, and no switch in this.
func (r *reads) next() (offset int64, more bool) {
	if r.left == 0 {
		return 0, false
	}
	r.left--
	r.random ^= r.random << 13
	r.random ^= r.random >> 7
	r.random ^= r.random << 17
	return int64(r.random%r.blocks) * block, true
}

// A block at an address that reading around the page cache asks for.
func alignedBlock() []byte {
	bytes := make([]byte, 2*block)
	start := block - int(uintptr(unsafe.Pointer(&bytes[0]))%block)
	return bytes[start : start+block]
}

func (r *reads) run(group *sync.WaitGroup) {
	defer group.Done()
	bytes := alignedBlock()
	for offset, more := r.next(); more; offset, more = r.next() {
		_, err := r.file.ReadAt(bytes, offset)
		check(err)
	}
}

func open(cold bool) *os.File {
	flags := os.O_RDONLY
	if cold {
		flags |= syscall.O_DIRECT
	}
	file, err := os.OpenFile(text("file", "file_read.data"), flags, 0)
	check(err)
	return file
}

func main() {
	var group sync.WaitGroup
	runtime.GOMAXPROCS(1)
	depth, count := number("depth", 64), number("reads", 1000000)
	r := reads{open(number("cold", 0) != 0), uint64(number("size", 256)) << 20 / block, count,
		88172645463325252}
	group.Add(depth)
	begun, begunCPU := time.Now(), cpuNs()
	for i := 0; i < depth; i++ {
		go r.run(&group)
	}
	group.Wait()
	fmt.Printf("{\"us\": %.4f, \"elapsed_us\": %.4f}\n", float64(cpuNs()-begunCPU)/1e3/float64(count),
		float64(time.Since(begun).Nanoseconds())/1e3/float64(count))
}
