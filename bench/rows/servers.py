"""Servers under a load: echo, a connection a request, HTTP."""

import shutil

from kinds import AtMost, Connect, ConnectHttp, Echo, Http, Section, Site

FLOORS = ("floor epoll", "floor io_uring", "floor io_uring single")
# What is measured beside the plain contestant, and would only crowd a chart.
VARIANTS = ("floor io_uring single", "dure io_uring 64 KiB")


def peers(at, *args):
    """Echo servers of others."""
    return {
        "libuv": at.peer("libuv", "echo", *args),
        "libevent": at.peer("libevent", "echo", *args),
        "State Threads": at.peer("st", "echo", *args),
        "Go": at.peer("go", "echo", *args),
        "tokio": at.peer("tokio", "echo", *args),
    }


def web_servers(at, site):
    """Servers of files, dure's among them."""
    return {
        "nginx": site.nginx() if shutil.which("nginx") else ["nginx"],
        "dure serve": [f"{at.build}/dure", "serve", "--bind", "127.0.0.1", "--port", "@PORT@",
                       "--loops", "1", "--log", "off", site.root],
        "libevent": at.peer("libevent", "http", "@PORT@", site.root),
        "Go": at.peer("go", "http", "@PORT@", site.root),
    }


def echo(at):
    rows = []
    for name, title, connections, in_flight, bound in (
            ("echo-64", "echo, 64 connections", 64, 1, 1.02),
            ("echo-1000", "echo, 1,000 connections", 1000, 1, 1.05),
            ("echo-10000", "echo, 10,000 connections", 10000, 1, 1.12),
            ("echo-64x16", "echo, 64 connections x 16 in flight", 64, 16, 1.03)):
        rows.append(Echo(at.load("echo"), connections, in_flight, name, title, "us of CPU a message", {
            "floor epoll": at.floor("echo_epoll"),
            "floor io_uring": at.floor("echo_uring"),
            "floor io_uring single": at.floor("echo_uring", "single"),
            "dure io_uring": at.dure("echo", "backend=io_uring"),
            "dure io_uring 64 KiB": at.dure("echo", "backend=io_uring", f"stack={64 << 10}"),
            "dure epoll": at.dure("echo", "backend=epoll"),
            **peers(at),
        }, {"dure io_uring": AtMost(bound, FLOORS), "dure io_uring 64 KiB": AtMost(bound, FLOORS)},
            aside=VARIANTS))
    return Section("Echo", (
        "A server that sends back what it receives, a message of 64 bytes at a time, on one "
        "processor. The load keeps each connection's messages in flight and checks every byte. "
        "Debian's State Threads knows select and poll only, here poll: each turn costs as much as "
        "there are connections. Boost.Fiber has no sockets of its own."), rows)


def connect(at):
    site = Site(at.scratch)
    load = at.load("connect")
    return Section("Connections", (
        "A connection is accepted, its one message of 64 bytes answered or its one file of 1 KB "
        "sent (HTTP/1.0), and the connection closed by the server. The load resets what the server "
        "has closed, so that nothing stays in TIME_WAIT."), [
        Connect(load, 64, 1, "connect", "a connection a message, 64 at once",
                "us of CPU a connection", {
                    "floor epoll": at.floor("connect_epoll"),
                    "floor io_uring": at.floor("connect_uring"),
                    "dure io_uring": at.dure("echo", "once=1", "backend=io_uring"),
                    "dure epoll": at.dure("echo", "once=1", "backend=epoll"),
                    **peers(at, "once=1"),
                }),
        ConnectHttp(site, load, 64, 1, "connect-http", "HTTP, a connection a file of 1 KB, 64 at once",
                    "us of CPU a connection", web_servers(at, site)),
    ])


def http(at):
    site = Site(at.scratch)
    rows = []
    for name, title, path, pipelined, bound in (
            ("http-1k", "HTTP, a file of 1 KB, 64 connections", "/1k.txt", False, 0.90),
            ("http-1k-x16", "HTTP, 1 KB, 16 requests pipelined", "/1k.txt", True, 0.20),
            ("http-1m", "HTTP, a file of 1 MB, 64 connections", "/1m.txt", False, 1.00)):
        contestants = web_servers(at, site)
        if path == "/1k.txt":
            contestants = {"floor, no parser": at.floor("http_none"), **contestants}
        rows.append(Http(site, path, pipelined, name, title, "us of CPU a request", contestants,
                         {"dure serve": AtMost(bound, ("nginx",))}))
    return Section("HTTP", (
        "Static files from one processor, under wrk. nginx has one worker, sendfile and its cache "
        "of open files; libevent's and Go's servers are those of their libraries. The floor "
        "answers without looking at what was asked."), rows)
