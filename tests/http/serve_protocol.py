"""The protocol: connections, methods, versions, limits, and requests that are none."""

import threading
import time

from harness import BIG, SMALL, Reader, ask, check, equal, get, test


@test
def keep_alive_and_close(top, server):
    for version, header, kept, told in (
            ("1.1", "X: y", True, None), ("1.1", "Connection: close", False, "close"),
            ("1.1", "Connection: Close, x", False, "close"), ("1.0", "X: y", False, "close"),
            ("1.0", "Connection: keep-alive", True, "keep-alive")):
        with server.connect() as s:
            s.sendall(f"GET /small.txt HTTP/{version}\r\nHost: t\r\n{header}\r\n\r\n".encode())
            r = Reader(s)
            a = r.answer()
            equal((version, header, a.body, a["Connection"]), (version, header, SMALL, told))
            if kept:
                s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
                equal(r.answer().body, b"<p>front\n")
            else:
                check(r.closed(), "not closed", version, header)


@test
def pipelining(top, server):
    targets = [("/small.txt", SMALL), ("/", b"<p>front\n"), ("/big.bin", BIG), ("/middle.bin", BIG[:40000]),
               ("/empty.txt", b""), ("/nothing", None), ("/sub", None)] * 5
    with server.connect() as s:
        threading.Thread(target=s.sendall, args=(
            "".join(f"GET {t} HTTP/1.1\r\nHost: t\r\n\r\n" for t, _ in targets).encode(),)).start()
        r = Reader(s)
        for target, body in targets:
            a = r.answer()
            check(body is None or a.body == body, target)


@test
def many_pipelined(top, server):
    with server.connect() as s:
        r = Reader(s)
        for count in (16, 1000):
            threading.Thread(target=s.sendall, args=(
                b"GET /small.txt HTTP/1.1\r\nHost: t\r\n\r\n" * count,)).start()
            for _ in range(count):
                equal(r.answer().body, SMALL)


@test
def pipelined_behind_close_is_dropped(top, server):
    with server.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                  b"GET /small.txt HTTP/1.1\r\nHost: t\r\n\r\n")
        r = Reader(s)
        equal(r.answer().body, b"<p>front\n")
        check(r.closed(), "answered behind Connection: close")


@test
def byte_by_byte(top, server):
    request = (b"\r\nGET /small.txt?q HTTP/1.1\r\nHost: t\r\nRange: bytes=1-3\r\nUser-Agent: slow\r\n\r\n"
               b"POST /small.txt HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n"
               b"GET /sub/ HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
    with server.connect() as s:
        for i in range(len(request)):
            s.sendall(request[i:i + 1])
            if i % 16 == 0:
                time.sleep(0.001)
        r = Reader(s)
        a = r.answer()
        equal((a.status, a.body), (206, SMALL[1:4]))
        equal(r.answer().status, 405)
        equal(r.answer().body, b"sub")


@test
def methods(top, server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"):
        a = get(server, "/small.txt", method=method)
        equal((method, a.status, a["Allow"]), (method, 405, "GET, HEAD"))
    equal(get(server, "*", method="OPTIONS").status, 405)
    equal(ask(server, b"CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n").status, 405)
    for method in ("BREW", "GETX", "get", "G", "FOO-BAR"):
        equal((method, get(server, "/", method=method).status), (method, 501))


@test
def versions(top, server):
    for version, status in (("1.0", 200), ("1.1", 200), ("2.0", 505), ("3.0", 505), ("0.9", 505), ("1.2", 505)):
        equal((version, get(server, "/", version=version).status), (version, status))
    equal(ask(server, b"GET /\r\n").status, 505)
    equal(ask(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505)


BROKEN = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/x.y\r\nHost: t\r\n\r\n",
    b"GET / HTTP/1.1 x\r\nHost: t\r\n\r\n", b"GET / FTP/1.1\r\nHost: t\r\n\r\n", b"GET / RTSP/1.0\r\nHost: t\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : t\r\n\r\n", b"GET / HTTP/1.1\r\nHost: t\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: t\r\n: empty\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\nHost: t\r\nX: a\x00b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: t\r\nX: a\rb: c\r\n\r\n", b"GET / HTTP/1.1\nHost: t\n\n",
    b"GET / HTTP/1.1\r\nHost: t\nX: y\r\n\r\n", b"GET small.txt HTTP/1.1\r\nHost: t\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET / HTTP/1.1\r\n Host: t\r\n\r\n",
]

SMUGGLED = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", b"Content-Length: +5\r\n\r\nabcde",
    b"Content-Length: 5, 5\r\n\r\nabcde", b"Content-Length: 0x5\r\n\r\nabcde", b"Content-Length: 5 5\r\n\r\nabcde",
    b"Content-Length: 99999999999999999999999\r\n\r\n", b"Transfer-Encoding: gzip\r\n\r\n",
    b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"Transfer-Encoding: chunked\r\n\r\n5 \r\nabcde\r\n0\r\n\r\n",
]


@test
def broken_requests_are_refused(top, server):
    inside = b"GET /small.txt HTTP/1.1\r\nHost: t\r\n\r\n"
    for request in BROKEN + [b"GET / HTTP/1.1\r\nHost: t\r\n" + x for x in SMUGGLED]:
        with server.connect() as s:
            s.sendall(request + (inside if len(request) > 20 else b""))
            r = Reader(s)
            a = r.answer()
            check(a.status in (400, 413, 501, 505) and a["Connection"] == "close", request, a.status)
            equal(a.status == 400 or b"99999" in request or b"/1.1 x" in request or b"RTSP" in request, True)
            check(r.closed(), "went on after", request, r.data)


@test
def bodies_are_dropped(top, server):
    with server.connect() as s:
        r = Reader(s)
        for request in (b"Content-Length: 10\r\n\r\nGET / HTTP", b"Content-Length: 0\r\n\r\n",
                        b"Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\nTrailer: x\r\n\r\n",
                        b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000000):
            s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\n" + request)
            equal(r.answer().body, SMALL)
    a = get(server, "/", "Content-Length: 2000000")
    equal((a.status, a["Connection"]), (413, "close"))
    with server.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            pass
        equal(Reader(s).answer().status, 413)


@test
def expect_continue(top, server):
    with server.connect() as s:
        r = Reader(s)
        s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
        equal(r.answer().status, 100)
        s.sendall(b"abc")
        equal(r.answer().body, SMALL)
        s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        equal(r.answer().body, SMALL)  # it was there already: no invitation
        s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n")
        equal(r.answer().body, SMALL)
        s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nExpect: magic\r\n\r\n")
        equal(r.answer().status, 417)
    equal(get(server, "/", "Expect: 100-continue", "Content-Length: 2000000").status, 413)


@test
def upgrades_are_not_taken(top, server):
    for value in ("websocket", "h2c"):
        equal(get(server, "/small.txt", "Connection: Upgrade", "Upgrade: " + value).body, SMALL)


@test
def limits_on_headers(top, server):
    equal(get(server, "/" + "a" * 8200).status, 414)
    equal(get(server, "/?" + "a" * 8190).status, 200)
    equal(get(server, "/?" + "a" * 8191).status, 414)
    equal(get(server, "/?" + "a" * 9000).status, 414)
    equal(get(server, "/", "X: " + "a" * 16000).status, 200)
    equal(get(server, "/", "X: " + "a" * 17000).status, 431)
    equal(get(server, "/", "X" * 17000 + ": a").status, 431)
    equal(get(server, "/", *[f"X-{i}: y" for i in range(99)]).status, 200)
    equal(get(server, "/", *[f"X-{i}: y" for i in range(100)]).status, 431)
    equal(get(server, "/", *["Cookie: " + "a" * 100] * 300).status, 431)
    with server.connect() as s:  # never an end
        try:
            for _ in range(3000):
                s.sendall(b"GET / HTTP/1.1\r\n" if _ == 0 else b"Xy: " + b"z" * 100 + b"\r\n")
        except OSError:
            pass
        equal(Reader(s).answer().status, 431)
