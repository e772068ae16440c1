"""How a figure is taken: processes on their cores, CPU clocks, load, counters."""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[-1]
LOAD_CORES = CORES[1:] or CORES
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Unavailable(Exception):
    """A contestant or an instrument that this machine lacks; its message says why."""


class Failed(Exception):
    """A contestant that ran and did not do what it was to do."""


def require(program):
    """Raises Unavailable if there is no such program."""
    if not shutil.which(program):
        raise Unavailable(f"there is no {os.path.basename(program)}")


def start(command, cores=None, **options):
    """Starts a process on the given cores; it does not outlive the runner."""
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cores:
            os.sched_setaffinity(0, cores)
    require(command[0])
    return subprocess.Popen(command, preexec_fn=prepare, text=True, **options)


def run(command, cores=None, limit_s=600):
    """Runs a program to its end and returns what it printed."""
    process = start(command, cores, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed(f"{os.path.basename(command[0])}: no end within {limit_s} s") from None
    if process.returncode != 0:
        raise Failed(f"{os.path.basename(command[0])}: {(err or out).strip()[-300:]}")
    return out


def cpu_ns(pid):
    """User and system time of all threads of a process, exact to the nanosecond."""
    # The clock of clock_getcpuclockid(3): the kernel updates it when it is read, which it does
    # not do for the figures in /proc.
    return time.clock_gettime_ns((~pid << 3) | 2)


def free_port():
    """A port for servers that cannot be told to let the kernel choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A contestant that serves; a context manager. `@PORT@` in its command is a free port; without
    one it prints "port N"."""

    def __init__(self, command, wrapper=(), limit_s=10):
        self.command, self.wrapper, self.limit_s = list(command), list(wrapper), limit_s

    def __enter__(self):
        told = not any("@PORT@" in word for word in self.command)
        self.port = None if told else free_port()
        command = [word.replace("@PORT@", str(self.port)) for word in self.command]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = start(self.wrapper + command, {SERVER_CORE}, stderr=self.errors,
                             stdout=subprocess.PIPE if told else subprocess.DEVNULL)
        self.pid = self.process.pid
        try:
            if told:
                line = self.process.stdout.readline()
                if not line.startswith("port "):
                    raise Failed("it did not start: " + self.last_words())
                self.port = int(line.split()[1])
            else:
                self.wait_for_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_for_port(self):
        until = time.monotonic() + self.limit_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise Failed("it did not start: " + self.last_words()) from None
                time.sleep(0.02)

    def last_words(self):
        self.errors.seek(0)
        return self.errors.read().strip()[-300:] or "it said nothing"

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(self.limit_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.errors.close()
        return False


def load(command, cores=(LOAD_CORE,)):
    """One run of a load; what it printed, as a dictionary."""
    return json.loads(run(command, set(cores)))


def wrk(server, connections, path, seconds, pipelined):
    """One run of wrk; the number of requests answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    if pipelined:
        here = os.path.dirname(os.path.abspath(__file__))
        command += ["-s", f"{here}/load/pipeline.lua"]
    said = run(command + [f"http://127.0.0.1:{server.port}{path}"], {LOAD_CORE})
    bad = re.search(r"(Non-2xx.*|Socket errors:.*)", said)
    if bad:
        raise Failed(bad.group(1))
    return int(re.search(r"(\d+) requests in", said).group(1))


def system_calls(pid, work):
    """System calls of a process while work() runs, by perf or, failing that, strace."""
    with tempfile.NamedTemporaryFile("r") as out:
        if shutil.which("perf"):
            counter = start(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", out.name,
                             "-p", str(pid)], stderr=subprocess.DEVNULL)
        else:
            counter = start(["strace", "-c", "-f", "-o", out.name, "-p", str(pid)],
                            stderr=subprocess.DEVNULL)
        time.sleep(0.4)
        result = work()
        counter.send_signal(signal.SIGINT)
        counter.wait()
        said = out.read()
    match = (re.search(r"^(\d+),.*sys_enter", said, re.M) or
             re.search(r"^100\.00.*?\s(\d+)(?:\s+\d+)? total$", said, re.M))
    if not match:
        raise Unavailable("neither perf nor strace counts system calls here")
    return int(match.group(1)), result


def instructions(command, works):
    """User instructions of a server during each of works, functions of the server, by callgrind."""
    require(command[0])
    require("valgrind")
    with tempfile.TemporaryDirectory(prefix="dure-bench-") as scratch:
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/out",
                   "--trace-children=yes"]
        results = []
        with Server(command, wrapper) as server:
            for number, work in enumerate(works, 1):
                done = work(server)
                # Asked for through vgdb, which interrupts a system call. A signal would not do:
                # Valgrind 3.19 delivers none to a process that waits in io_uring_enter.
                run(["vgdb", f"--pid={server.pid}", "dump"], limit_s=30)
                with open(f"{scratch}/out.{number}", encoding="utf-8") as out:
                    total = re.search(r"^totals: (\d+)", out.read(), re.M)
                results.append((int(total.group(1)), done))
            server.process.kill()
    return results
