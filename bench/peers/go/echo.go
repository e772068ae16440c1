// A peer: the echo server in Go, a goroutine a connection, on one thread.
// echo [once=1]: a connection ends with its first answer.
package main

import (
	"fmt"
	"net"
	"runtime"
)

var once = number("once", 0) != 0

func echo(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err = conn.Write(buf[:n]); err != nil || once {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for {
		if conn, err := listener.Accept(); err == nil {
			go echo(conn)
		}
	}
}
