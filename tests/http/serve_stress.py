"""Slow clients, clients that vanish, many clients."""

import hashlib
import os
import socket
import struct
import time
from collections import Counter

import harness
from harness import BIG, SMALL, Background, Reader, Server, check, equal, get, not_under, test, wait_until


def slow_header(server):
    with server.connect(timeout=20) as s:
        start = time.time()
        r = Reader(s)
        s.sendall(b"GET / HTTP/1.1\r\nHost: ")
        while time.time() - start < 9:
            s.sendall(b"x")
            time.sleep(0.25)
        a = r.answer()
        took = time.time() - start
        equal((a.status, a["Connection"]), (408, "close"))
        check(9 < took < 13, "took", took)
        check(r.closed())


@test
def slow_header_gets_408(top, server):
    not_under("iterative")
    server.slow_header.join()


@test
def idle_connection_stays_beyond_the_header_limit(top, server):
    not_under("iterative")
    server.idle_connection.join()


def idle_connection(server):
    with server.connect(timeout=20) as s:
        r = Reader(s)
        for _ in range(2):
            s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            equal(r.answer().status, 200)
            time.sleep(11)


def start_waiting(server, chosen):
    """Starts what takes long, beside the other tests."""
    for function, work in ((slow_header_gets_408, slow_header),
                           (idle_connection_stays_beyond_the_header_limit, idle_connection)):
        if function in chosen:
            setattr(server, work.__name__, Background(work, server))


@test
def slow_reader_gets_all(top, server):
    with server.connect() as s:
        s.sendall(b"GET /big.bin HTTP/1.1\r\nHost: t\r\n\r\n")
        r = Reader(s)
        for _ in range(20):
            time.sleep(0.05)
            r.more()
        check(r.answer().body == BIG)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@test
def resets_at_every_step(top, server):
    requests = (b"", b"GET /", b"GET / HTTP/1.1\r\nHost: t\r\n\r\n", b"GET /big.bin HTTP/1.1\r\nHost: t\r\n\r\n",
                b"GET /middle.bin HTTP/1.1\r\nHost: t\r\n\r\n" * 50,
                b"GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc", b"\x00")
    for request in requests:
        for wait in (0, 0.002, 0.02):
            for _ in range(10):
                s = server.connect()
                s.sendall(request)
                time.sleep(wait)
                if wait == 0.02 and len(request) > 20 and b"Length" not in request:
                    s.recv(100)
                reset(s)
    for request in requests:  # half-closed: what was asked is answered
        s = server.connect()
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        r = Reader(s)
        for _ in range(request.count(b"\r\n\r\n") if b"Length" not in request else 0):
            equal(r.answer().status, 200)
        s.close()
    equal(get(server, "/small.txt").body, SMALL)


@test
def thousand_connections(top, server):
    not_under("iterative")
    backend = os.environ.get("DURE_BACKEND", "")
    count = 600 if backend == "select" else harness.served_at_once  # select knows 1,024 descriptors
    connections = []
    try:
        for _ in range(count):
            connections.append(server.connect(timeout=30))
        for _ in range(2):
            for s in connections:
                s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\n\r\n")
            for s in connections:
                equal(Reader(s).answer().body, SMALL)
    finally:
        for s in connections:
            s.close()


@test
def large_file_to_many(top, server):
    wanted = hashlib.sha256(BIG).digest()

    def one():
        equal(hashlib.sha256(get(server, "/big.bin").body).digest(), wanted)

    for worker in [Background(one) for _ in range(16)]:
        worker.join()


@test
def resets_leak_nothing(top, server):
    """In the middle of a request and of an answer: each connection's socket and file are closed."""
    not_under("iterative")
    request = b"GET /big.bin HTTP/1.1\r\nHost: t\r\n\r\n"
    with Server(top + "/site", *(["--loops", "2"] if harness.model == "tasks" else [])) as own:
        for part, asks in ((request[:20], False), (request[:-1], False), (request, True),
                           (request + request[:20], True)):
            connections = [own.connect() for _ in range(20)]
            for s in connections:
                s.sendall(part)
            for s in connections:
                if asks:  # the answer has begun, and is more than the kernel buffers
                    check(s.recv(100).startswith(b"HTTP/1.1 200 "))
            for s in connections:
                reset(s)
            equal(get(own, "/small.txt").body, SMALL)
        wait_until(lambda: closed_all(own.descriptors(), top))
        equal(own.stop()[0], 0)


def closed_all(links, top):
    """True when only the listener is open, and each file at most once a loop, for the next client."""
    count = Counter("socket" if link.startswith("socket:") else link for link in links)
    return count.pop("socket") == 1 and all(n <= 2 for link, n in count.items() if link.startswith(top))


@test
def nothing_is_leaked(top, server):
    for _ in range(50):
        sockets = [x for x in server.descriptors() if x.startswith("socket:")]
        if len(sockets) <= 4:
            return
        time.sleep(0.1)
    raise AssertionError(f"{len(sockets)} sockets are open")
