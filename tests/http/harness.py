"""What the tests of `dure serve` share: checks, the server under test, a client that sees every
byte, and the directory that is served."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

# The program under test; set by test_serve.py.
program = None
# The model that it serves by, and how many connections at once at least.
model = "tasks"
served_at_once = 1000
tests = []
PAST_A_CHECK = 1.2  # seconds: the server looks at its files once a second


def test(function):
    """Registers a test. It gets the folder that holds site/, and a server of site/."""
    tests.append(function)
    return function


class Skip(Exception):
    pass


def only_under(*models):
    if model not in models:
        raise Skip("is about " + ", ".join(models))


def not_under(*models):
    if model in models:
        raise Skip("cannot be under " + model)


def check(condition, *shown):
    if not condition:
        raise AssertionError(" ".join(repr(x) for x in shown) or "condition does not hold")


def equal(got, wanted):
    check(got == wanted, "got", got, "wanted", wanted)


def wait_until(condition, seconds=30):
    """Looks every 20 ms whether it holds by now."""
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, "did not come true")
        time.sleep(0.02)


def model_options():
    if model == "tasks":
        return []
    return ["--model", model] + (["--workers", str(served_at_once + 20)] if model != "iterative" else [])


class Server:
    def __init__(self, root, *options, log="off", **popen):
        self.process = subprocess.Popen(
            [program, "serve", "--port", "0", "--log", log, *model_options(), *options, root],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, **popen)
        # Unbuffered: a line read ahead would be lost to who reads the rest later.
        line = self.process.stderr.readline().decode()
        found = re.search(r"http://([^/]*):(\d+)/", line)
        check(found, "no ready line:", line)
        self.ready_line = line
        self.port = int(found.group(2))

    def connect(self, timeout=8):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def descriptors(self):
        """What its open descriptors are, by their links in /proc."""
        folder = f"/proc/{self.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            try:
                links.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass  # closed meanwhile
        return links

    def children(self):
        """The processes that it has forked and not waited for."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def stop(self, sig=signal.SIGTERM):
        """Ends the server; returns its exit status and what it printed."""
        self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Background:
    """Runs a check beside the other tests, because it must wait."""

    def __init__(self, function, *args):
        self.error, self.thread = None, threading.Thread(target=self.run, args=(function, *args))
        self.thread.start()

    def run(self, function, *args):
        try:
            function(*args)
        except BaseException as error:
            self.error = error

    def join(self):
        self.thread.join()
        if self.error:
            raise self.error


class Answer:
    def __init__(self, status, version, headers, body):
        self.status, self.version, self.headers, self.body = status, version, headers, body

    def __getitem__(self, name):
        return self.headers.get(name.lower())


class Reader:
    """Reads answers off a connection."""

    def __init__(self, s):
        self.s, self.data = s, b""

    def more(self):
        got = self.s.recv(65536)
        self.data += got
        return len(got) > 0

    def answer(self, head=False):
        while b"\r\n\r\n" not in self.data:
            check(self.more(), "the connection closed in a head:", self.data)
        text, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = text.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            check(name.lower() not in headers, "twice:", name)
            headers[name.lower()] = value
        status = int(status)
        length = 0 if head or status in (100, 304) else int(headers["content-length"])
        while len(self.data) < length:
            check(self.more(), "the connection closed in a body")
        body, self.data = self.data[:length], self.data[length:]
        return Answer(status, version, headers, body)

    def closed(self):
        """True when the peer has closed and nothing is left over."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            return not self.data
        return not self.data


def ask(server, request, head=False):
    """Sends raw bytes, reads one answer."""
    with server.connect() as s:
        s.sendall(request)
        return Reader(s).answer(head)


def get(server, target, *headers, method="GET", version="1.1"):
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *headers, "", ""]
    return ask(server, "\r\n".join(lines).encode("latin-1"), head=method == "HEAD")


# The directory that is served


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


NASTY = ['<b>&"\'.txt', "a b%41.txt", "x:y.txt", "#hash?q.txt", "back\\slash.txt", "é한글.txt"]
# More than the kernel buffers for a connection; less where each byte costs a call.
BIG = os.urandom(1 << 18) * (1 if "DURE_TRANSFER_MAX" in os.environ else 36) + b"the end"
SMALL = bytes(range(97, 123)) * 40


def make_site(top):
    root = os.path.join(top, "site")
    write(root + "/index.html", b"<p>front\n")
    write(root + "/small.txt", SMALL)
    write(root + "/empty.txt", b"")
    write(root + "/middle.bin", BIG[:40000])
    write(root + "/big.bin", BIG)
    write(root + "/a b.html", b"space")
    write(root + "/sub/index.html", b"sub")
    write(root + "/list/b.txt", b"b")
    write(root + "/list/a.txt", b"a")
    write(root + "/list/dir/x", b"x")
    write(root + "/list/.hidden", b"h")
    for name in NASTY:
        write(root + "/nasty/" + name, name.encode())
    write(top + "/secret.txt", b"secret")
    write(top + "/site-secret/secret.txt", b"secret")
    os.symlink("../secret.txt", root + "/out-file")
    os.symlink("..", root + "/out-directory")
    os.symlink(top + "/secret.txt", root + "/out-absolute")
    os.symlink("../site-secret", root + "/out-prefix")
    os.symlink("../../secret.txt", root + "/list/out-file")
    os.symlink("small.txt", root + "/in-file")
    os.symlink(root + "/small.txt", root + "/in-absolute")
    os.symlink("loop", root + "/loop")
    os.mkfifo(root + "/fifo")
    return root
