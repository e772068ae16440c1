"""The program: its options, its log, its end."""

import os
import re
import resource
import signal
import socket
import subprocess
import time

import harness
from harness import BIG, SMALL, Reader, Server, Skip, ask, check, equal, get, not_under, test


@test
def stop_drains(top, server):
    not_under("iterative")
    for sig in (signal.SIGTERM, signal.SIGINT):
        with Server(top + "/site") as own:
            idle, idle_used, half, loading = (own.connect() for _ in range(4))
            idle_used.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            equal(Reader(idle_used).answer().status, 200)
            half.sendall(b"GET /small.txt HTTP/1.1\r\nHo")
            loading.sendall(b"GET /big.bin HTTP/1.1\r\nHost: t\r\n\r\n")
            time.sleep(0.3)
            own.process.send_signal(sig)
            time.sleep(0.3)
            check(Reader(idle).closed() and Reader(idle_used).closed(), "an idle connection stays")
            try:
                own.connect(timeout=1).close()
                raise AssertionError("it accepts after the stop")
            except OSError:
                pass
            equal(own.process.poll(), None)
            half.sendall(b"st: t\r\n\r\n")
            r = Reader(half)
            a = r.answer()
            equal((a.body, a["Connection"]), (SMALL, "close"))
            check(r.closed())
            check(Reader(loading).answer().body == BIG)
            loading.close()
            out, err = own.process.communicate(timeout=5)
            equal((own.process.returncode, out, err), (0, b"", b""))


@test
def stop_ends_after_the_grace(top, server):
    with Server(top + "/site", "--grace", "1") as own:
        half = own.connect()
        half.sendall(b"GET /small.txt HTTP/1.1\r\nHo")
        time.sleep(0.2)
        start = time.time()
        equal(own.stop()[0], 0)
        check(0.5 < time.time() - start < 4, "took", time.time() - start)


@test
def access_log(top, server):
    path = top + "/access.log"
    with Server(top + "/site", log=path) as own:
        get(own, "/small.txt?x=1", "Referer: http://a/", 'User-Agent: a "quote" \xff\\')
        get(own, "/nothing", method="HEAD")
        ask(own, b"nonsense\x1b[2J\r\n\r\n")
        time.sleep(1.5)  # written within a second, without a stop
        with open(path) as f:
            lines = f.read().splitlines()
        equal(len(lines), 3)
        date = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]"
        for wanted in (
                r'"GET /small.txt\?x=1 HTTP/1.1" 200 1040 "http://a/" "a \\x22quote\\x22 \\xff\\x5c"',
                r'"HEAD /nothing HTTP/1.1" 404 0 "-" "-"',
                r'"nonsense\\x1b\[2J" 400 \d+ "-" "-"'):  # each loop writes its own: in any order
            pattern = r"^127\.0\.0\.1 - - " + date + " " + wanted + "$"
            check(any(re.match(pattern, line) for line in lines), wanted, lines)
        with own.connect() as s:
            r = Reader(s)
            for i in range(2000):
                s.sendall(b"GET /small.txt?%d HTTP/1.1\r\nHost: t\r\n\r\n" % i)
                r.answer()
        equal(own.stop()[0], 0)
        with open(path) as f:
            equal(len(f.read().splitlines()), 2003)
    with Server(top + "/site", log="-") as own:
        get(own, "/small.txt")
        status, out, _ = own.stop()
        equal((status, out.count(b"\n")), (0, 1))


@test
def few_descriptors(top, server):
    not_under("prethreaded")  # each accept that waits has a number already
    with Server(top + "/site") as own:
        get(own, "/small.txt")
        used = len(os.listdir(f"/proc/{own.process.pid}/fd"))
        resource.prlimit(own.process.pid, resource.RLIMIT_NOFILE, (used + 8, used + 8))
        connections = [own.connect() for _ in range(20)]
        time.sleep(0.3)
        ticks = sum(map(int, open(f"/proc/{own.process.pid}/stat").read().split()[13:15]))
        time.sleep(1)
        spun = sum(map(int, open(f"/proc/{own.process.pid}/stat").read().split()[13:15])) - ticks
        check(spun < 30, "processor ticks while out of descriptors:", spun)
        for s in connections:
            s.close()
        time.sleep(1.5)
        equal(get(own, "/small.txt").body, SMALL)
        equal(get(own, "/sub/").body, b"sub")


@test
def half_closed_reader_costs_nothing(top, server):
    with Server(top + "/site") as own, own.connect() as s:
        s.sendall(b"GET /big.bin HTTP/1.1\r\nHost: t\r\n\r\n" * 8)
        s.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        ticks = sum(map(int, open(f"/proc/{own.process.pid}/stat").read().split()[13:15]))
        time.sleep(1)
        spun = sum(map(int, open(f"/proc/{own.process.pid}/stat").read().split()[13:15])) - ticks
        check(spun < 30, "processor ticks while the peer does not read:", spun)
        r = Reader(s)
        check(r.answer().body == BIG)


def run(*args):
    p = subprocess.run([harness.program, *args], capture_output=True, timeout=20)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


@test
def command_line(top, server):
    status, out, _ = run()
    check(status == 0 and "usage: dure" in out and "serve" in out, out)
    check(re.match(r"^dure \d+\.\d+\.\d+\n$", run("--version")[1]))
    status, out, _ = run("serve", "--help")
    for word in ("--port", "--bind", "--loops", "--backend", "--log", "--grace",
                 "--model", "--workers", "iterative", "prethreaded"):
        check(status == 0 and word in out, word)
    site = top + "/site"
    for args, status, said in (
            (["nonsense"], 2, "nonsense"), (["serve", top + "/missing"], 1, "missing"),
            (["serve", site + "/small.txt"], 1, "small.txt"), (["serve", "--port", "x", site], 2, "--port"),
            (["serve", "--port", "65536", site], 2, "65535"), (["serve", "--port", "-1", site], 2, "--port"),
            (["serve", "--nonsense"], 2, "--help"), (["serve", site, site], 2, "one directory"),
            (["serve", "--bind", "nowhere", "--port", "0", site], 1, "numeric"),
            (["serve", "--bind", "192.0.2.1", "--port", "0", site], 1, "192.0.2.1"),
            (["serve", "--port", str(server.port), site], 1, "--port"),
            (["serve", "--log", "/nonexistent/log", site], 1, "/nonexistent/log"),
            (["serve", "--port", "0", "--backend", "nonsense", site], 1, "nonsense"),
            (["serve", "--model", "nonsense"], 2, "prethreaded and tasks"),
            (["serve", "--model", "forking", "--workers", "0"], 2, "--workers"),
            (["serve", "--model", "threaded", "--workers", "32769"], 2, "32768"),
            (["serve", "--workers", "x"], 2, "--workers"),
            (["serve", "--model", "iterative", "--workers", "1"], 2, "one connection at a time"),
            (["serve", "--model", "forking", "--loops", "2"], 2, "--loops"),
            (["serve", "--backend", "epoll", "--model", "threaded"], 2, "--backend")):
        got, out, err = run(*args)
        check((got, out) == (status, "") and said in err, args, got, out, err)
        check(all(line.startswith("dure") or "`dure" in line for line in err.splitlines()), err)
        check(status == 2 or err.count("\n") == 1, "said more than once:", err)


@test
def ipv6_and_all_addresses(top, server):
    for address, dial in (("::1", "::1"), ("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")):
        try:
            own = Server(top + "/site", "--bind", address)
        except AssertionError as error:
            if address == "::1":
                raise Skip("no IPv6 here")
            raise error
        with own:
            s = socket.create_connection((dial, own.port), timeout=5)
            s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            equal(Reader(s).answer().status, 200)
            s.close()
