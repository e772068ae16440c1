"""What is measured: the rows of the table, their contestants and what dure is to reach."""

import collections
import json
import os
import shutil
import tempfile

import harness
from harness import LOAD_CORE, SERVER_CORE, Server, Unavailable

HERE = os.path.dirname(os.path.abspath(__file__))


AtMost = collections.namedtuple("AtMost", "bound references", defaults=((),))


class Row:
    """A row: contestants by name, each measured once a round. `targets` says for a contestant what
    it is not to exceed: AtMost(value), or AtMost(ratio, references), a paired ratio to the best of
    those references."""
    rounds_max = 1000
    countable = False

    def __init__(self, name, title, unit, contestants, targets):
        self.name, self.title, self.unit = name, title, unit
        self.contestants, self.targets = contestants, targets


class Program(Row):
    """Programs that measure themselves and print {"KEY": figure}."""

    def __init__(self, *args, key="ns", cores=(SERVER_CORE,), rounds_max=1000):
        super().__init__(*args)
        self.key, self.cores, self.rounds_max = key, set(cores), rounds_max

    def measure(self, command, quick):
        command = [quick_form(word) if quick else word.split("@")[0] for word in command]
        return json.loads(harness.run(command, self.cores))


def quick_form(word):
    """An argument "tasks=1000@10" is 1000, and 10 in a quick run."""
    full, _, short = word.partition("@")
    return full.partition("=")[0] + "=" + short if short else full


class Echo(Row):
    """Echo servers under a closed loop of 64-byte messages."""
    key = "us"
    countable = True

    def __init__(self, build, connections, in_flight, *args):
        super().__init__(*args)
        self.build, self.connections, self.in_flight = build, connections, in_flight

    def load(self, server, *extra):
        return harness.echo_load(self.build, server, self.connections, self.in_flight, extra)

    def measure(self, command, quick):
        long = 3 if self.connections >= 5000 else 1.5
        with Server(command) as server:
            said = self.load(server, f"pid={server.pid}", f"seconds={0.4 if quick else long}",
                             f"warm={0.3 if quick else long / 3}")
        count = said["operations"]
        return {"us": said["server_cpu_ns"] / count / 1e3,
                "busy": said["server_cpu_ns"] / said["wall_ns"],
                "per_second": count / said["wall_ns"] * 1e9,
                "p50_us": said["p50_us"], "p99_us": said["p99_us"]}

    def count_calls(self, command):
        """System calls a message: the difference of two loads, so that set-up cancels out."""
        each = [20, 220] if self.in_flight == 1 else [320, 3520]
        if self.connections >= 5000:
            each = [5, 55]
        with Server(command) as server:
            total = [harness.system_calls(
                server.pid, lambda n=n: self.load(server, f"count={n * self.connections}"))[0]
                for n in each]
        return (total[1] - total[0]) / ((each[1] - each[0]) * self.connections)

    def count_instructions(self, command):
        """User instructions a message, likewise; the first load pays for starting."""
        each = [20, 20, 120] if self.in_flight == 1 else [320, 320, 1920]
        if self.connections >= 5000:
            each = [1, 1, 6]
        _, (few, _), (many, _) = harness.instructions(command, [
            lambda server, n=n: self.load(server, f"count={n * self.connections}") for n in each])
        return (many - few) / ((each[2] - each[1]) * self.connections)


class Http(Row):
    """HTTP servers under wrk."""
    key = "us"
    countable = True
    connections = 64

    def __init__(self, path, pipelined, *args):
        super().__init__(*args)
        self.path, self.pipelined = path, pipelined

    def load(self, server, seconds):
        return harness.wrk(server, self.connections, self.path, seconds, self.pipelined)

    def measure(self, command, quick):
        with Server(command) as server:
            self.load(server, 1)
            before = harness.cpu_ns(server.pid)
            count = self.load(server, 1 if quick else 3)
            return {"us": (harness.cpu_ns(server.pid) - before) / count / 1e3}

    def count_calls(self, command):
        with Server(command) as server:
            self.load(server, 1)
            calls, count = harness.system_calls(server.pid, lambda: self.load(server, 2))
        return calls / count

    def count_instructions(self, command):
        """The difference of a long and a short run after a first one, so that starting and
        set-up cancel out."""
        _, short, long = harness.instructions(command, [
            lambda server, s=s: self.load(server, s) for s in (1, 1, 4)])
        return (long[0] - short[0]) / (long[1] - short[1])


def make_site(scratch):
    """The files that the HTTP rows serve, and nginx's configuration. Returns nginx's command."""
    root = f"{scratch}/root"
    os.makedirs(root, exist_ok=True)
    with open(f"{root}/1k.txt", "w", encoding="ascii") as file:
        file.write("x" * 1024)
    with open(f"{root}/1m.txt", "w", encoding="ascii") as file:
        file.write("x" * (1 << 20))
    with open(f"{HERE}/peers/nginx/nginx.conf", encoding="utf-8") as file:
        conf = file.read().replace("@DIR@", scratch).replace("@ROOT@", root)
    with open(f"{scratch}/nginx.conf.in", "w", encoding="utf-8") as file:
        file.write(conf)
    # The port is known only when the server starts: a shell puts it in and becomes nginx.
    script = (f"sed s/@[P]ORT@/$1/ {scratch}/nginx.conf.in > {scratch}/nginx.conf && "
              f"exec nginx -p {scratch} -e stderr -c {scratch}/nginx.conf")
    return ["sh", "-c", script, "sh", "@PORT@"]


def calibrate(build):
    """How many steps of computation take 100 us on this machine."""
    return json.loads(harness.run([f"{build}/bench/floor-compute"], {SERVER_CORE}))["steps"]


def file_reads(bench, scratch, name, title, bound, reference, arguments):
    """Contestants at reading the same blocks of one file, 64 at a time."""
    arguments = [f"file={scratch}/file_read.data", *arguments]
    return Program(name, title, "us", {
        "floor io_uring": [f"{bench}/floor-file_read_uring", *arguments],
        "dure io_uring": [f"{bench}/dure-file_read", "backend=io_uring", *arguments],
        "dure epoll": [f"{bench}/dure-file_read", "backend=epoll", *arguments],
        "libuv": [f"{bench}/peer-file_read_libuv", *arguments],
    }, {"dure io_uring": AtMost(bound, (reference,))}, key="us", rounds_max=7)


def lock_rows(program, both):
    """Locks that nobody else wants, and one that two loops want."""
    rows = []
    for what, title, bounds in (
            ("mutex", "mutex, lock + unlock", {"dure": AtMost(14), "dure, same loop": AtMost(3)}),
            ("semaphore", "semaphore, wait + post", {}),
            ("rwlock", "read-write lock, read + unlock", {})):
        rows.append(Program(what, title, "ns", {
            name: [program, f"what={what}", f"of={of}", "pairs=50000000@5000000"] for name, of in (
                ("pthread", "pthread"), ("dure", "dure"), ("dure, same loop", "same_loop"))}, bounds))
    rows.append(Program("mutex-2", "mutex, two sides: 40 ns with it, 150 ns without", "ns", {
        name: [program, "what=mutex", f"of={of}", "loops=2", "inside=30", "outside=100",
               "pairs=2000000@200000"] for name, of in (("pthread", "pthread"), ("dure", "dure"))},
        {}, key="wall_ns", cores=both))
    return rows


def all_rows(build, scratch):
    """Every row of the table, in its order."""
    bench = f"{build}/bench"
    both = (SERVER_CORE, LOAD_CORE)
    rows = [
        Program("yield", "two tasks yield once each", "ns", {
            "two bare switches": [f"{bench}/floor-switch"],
            "dure": [f"{bench}/dure-yield", "rounds=20000000@2000000"],
            "Go": [f"{bench}/peer-tasks_go", "yield=5000000@500000"],
        }, {"dure": AtMost(12)}),
        Program("spawn-1", "spawn + join, one at a time", "ns", {
            "dure": [f"{bench}/dure-spawn", "alive=1", "tasks=5000000@500000"],
            "State Threads": [f"{bench}/peer-spawn_st", "alive=1", "tasks=5000000@500000"],
            "Go": [f"{bench}/peer-tasks_go", "alive=1", "tasks=5000000@500000"],
        }, {"dure": AtMost(40)}),
        Program("spawn-1000", "spawn + join, 1,000 alive", "ns", {
            "dure": [f"{bench}/dure-spawn", "alive=1000", "tasks=5000000@500000"],
            "State Threads": [f"{bench}/peer-spawn_st", "alive=1000", "tasks=5000000@500000"],
            "Go": [f"{bench}/peer-tasks_go", "alive=1000", "tasks=5000000@500000"],
        }, {"dure": AtMost(35)}),
        *[Program(f"channel-{capacity}", f"channel, {title}, one loop", "ns", {
            "dure, of one loop": [f"{bench}/dure-channel", "items=10000000@1000000",
                                  f"capacity={capacity}"],
            "dure, of all loops": [f"{bench}/dure-channel", "items=10000000@1000000",
                                   f"capacity={capacity}", "shared=1"],
            "Go": [f"{bench}/peer-channel_go", "items=5000000@500000", f"capacity={capacity}"],
        }, {"dure, of one loop": AtMost(bound)}) for capacity, title, bound in (
            (0, "no buffer", 25), (128, "128 places", 14))],
        Program("choose", "choose, two channels of 128 places, one loop", "ns", {
            "dure, of one loop": [f"{bench}/dure-channel", "items=10000000@1000000",
                                  "capacity=128", "choose=1"],
            "dure, of all loops": [f"{bench}/dure-channel", "items=10000000@1000000",
                                   "capacity=128", "choose=1", "shared=1"],
            "Go": [f"{bench}/peer-channel_go", "items=5000000@500000", "capacity=128",
                   "choose=1"],
        }, {}),
        *[Program(f"channel-{capacity}-loops", f"channel, {title}, between two loops", "ns", {
            "dure": [f"{bench}/dure-channel", "items=1000000@200000", f"capacity={capacity}",
                     "loops=2"],
            "Go": [f"{bench}/peer-channel_go", "items=1000000@200000", f"capacity={capacity}",
                   "loops=2"],
        }, targets, cores=both) for capacity, title, targets in (
            (0, "no buffer", {}), (128, "128 places", {"dure": AtMost(400)}))],
        Program("timers", "sleeps of 1 to 50 ms, 10,000 tasks", "ns", {
            "dure": [f"{bench}/dure-timers", "tasks=10000", "sleeps=40@5"],
        }, {}),
        Program("timer-moved", "a timer taken out and put in again, a million others", "ns", {
            "dure": [f"{bench}/micro-timers", "moved"],
        }, {"dure": AtMost(120)}),
        Program("timers-longest", "the longest turn of the wheel, a million timers a minute", "us", {
            "dure": [f"{bench}/micro-timers", "longest"],
        }, {"dure": AtMost(200)}, key="us", rounds_max=7),
        Program("late", "the latest of 200 sleepers among a million timers", "us", {
            "dure": [f"{bench}/dure-late", "others=1000000@10000"],
            "dure, no other timers": [f"{bench}/dure-late", "others=0"],
        }, {"dure": AtMost(200)}, key="us", rounds_max=7),
        Program("scope", "a scope opened and closed", "ns", {
            "dure": [f"{bench}/dure-scope", "rounds=20000000@2000000"],
        }, {"dure": AtMost(10)}),
        Program("scope-deadline", "the same with a deadline", "ns", {
            "dure": [f"{bench}/dure-scope", "deadline=1", "rounds=10000000@1000000"],
            "dure, a million others": [f"{bench}/dure-scope", "deadline=1", "others=1000000",
                                       "rounds=10000000@1000000"],
        }, {"dure": AtMost(60), "dure, a million others": AtMost(120)}, rounds_max=7),
        file_reads(bench, scratch, "file-cached", "4 KiB read of a cached file", 1 / 3, "libuv",
                   ["reads=300000@30000", "size=256"]),
        file_reads(bench, scratch, "file-cold", "4 KiB read of the disk, 64 at once", 1.10,
                   "floor io_uring", ["cold=1", "reads=30000@3000", "size=1024"]),
    ]
    rows += lock_rows(f"{bench}/micro-sync", both)
    for tasks in (100000, 1000000):
        for wait in ("sleep", "read"):
            rows.append(Program(
                f"parked-{wait}-{tasks}", f"{tasks:,} tasks parked in a {wait}", "B", {
                    "256 KiB apart": [f"{bench}/dure-parked", f"tasks={tasks}", f"wait={wait}",
                                      f"stack={256 << 10}"],
                    "64 KiB apart": [f"{bench}/dure-parked", f"tasks={tasks}", f"wait={wait}",
                                     f"stack={64 << 10}"],
                }, {"256 KiB apart": AtMost(4700), "64 KiB apart": AtMost(4300)},
                key="bytes", rounds_max=3))
    for name, title, connections, in_flight, bound in (
            ("echo-64", "echo, 64 connections", 64, 1, 1.02),
            ("echo-1000", "echo, 1,000 connections", 1000, 1, 1.05),
            ("echo-10000", "echo, 10,000 connections", 10000, 1, 1.12),
            ("echo-64x16", "echo, 64 connections x 16 in flight", 64, 16, 1.03)):
        floors = ("floor epoll", "floor io_uring", "floor io_uring single")
        rows.append(Echo(build, connections, in_flight, name, title, "us", {
            "floor epoll": [f"{bench}/floor-echo_epoll"],
            "floor io_uring": [f"{bench}/floor-echo_uring"],
            "floor io_uring single": [f"{bench}/floor-echo_uring", "single"],
            "dure io_uring": [f"{bench}/dure-echo", "backend=io_uring"],
            "dure io_uring 64 KiB": [f"{bench}/dure-echo", "backend=io_uring",
                                     f"stack={64 << 10}"],
            "dure epoll": [f"{bench}/dure-echo", "backend=epoll"],
            "libuv": [f"{bench}/peer-echo_libuv"],
            "Go": [f"{bench}/peer-echo_go"],
        }, {"dure io_uring": AtMost(bound, floors),
            "dure io_uring 64 KiB": AtMost(bound, floors)}))
    nginx = make_site(scratch) if shutil.which("nginx") else ["nginx"]
    serve = [f"{build}/dure", "serve", "--bind", "127.0.0.1", "--port", "@PORT@", "--loops", "1",
             "--log", "off", f"{scratch}/root"]
    for name, title, path, pipelined, bound in (
            ("http-1k", "1 KB file, 64 connections", "/1k.txt", False, 0.90),
            ("http-1k-x16", "1 KB file, 16 pipelined", "/1k.txt", True, 0.20),
            ("http-1m", "1 MB file", "/1m.txt", False, 1.00)):
        contestants = {"nginx": nginx, "dure serve": serve}
        if "1k" in name:
            contestants = {"floor, no parser": [f"{bench}/floor-http_none"], **contestants}
        rows.append(Http(path, pipelined, name, title, "us", contestants,
                         {"dure serve": AtMost(bound, ("nginx",))}))
    steps = f"steps={calibrate(build)}"
    rows.append(Program("compute", "10,000 tasks of 100 us of computation", "ms", {
        "one thread, no tasks": [f"{bench}/floor-compute", "tasks=10000@2000", steps, "threads=1"],
        "two threads, no tasks": [f"{bench}/floor-compute", "tasks=10000@2000", steps, "threads=2"],
        "dure, one loop": [f"{bench}/dure-compute", "tasks=10000@2000", steps, "loops=1"],
        "dure, two loops": [f"{bench}/dure-compute", "tasks=10000@2000", steps, "loops=2"],
    }, {"dure, two loops": AtMost(1 / 1.9, ("dure, one loop",))}, key="ms", cores=both))
    return rows
