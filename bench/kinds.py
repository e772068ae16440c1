"""The kinds of rows: how the contestants of each are measured."""

import collections
import json
import os

import harness
from harness import LOAD_CORES, SERVER_CORE, Failed, Server

HERE = os.path.dirname(os.path.abspath(__file__))

# What a contestant is not to exceed: a value, or its paired ratio to the best of the references.
AtMost = collections.namedtuple("AtMost", "bound references", defaults=((),))

# Rows that belong together, under a title and some words for the papers.
Section = collections.namedtuple("Section", "title text rows")


class Absent:
    """In the place of a contestant's command: why it cannot take part."""

    def __init__(self, reason):
        self.reason = reason


class Row:
    """A row of the table: contestants by name, each measured once a round. `figure` begins with the
    unit and says of what. `targets`: AtMost for those contestants that have one. `aside`: those that
    are in the table and not in the chart. `countable`: there are operations to count system calls
    and instructions of; `counted`: they are in every run, and not only when asked for."""
    key = None
    rounds_max = 1000
    countable = counted = False

    def __init__(self, name, title, figure, contestants, targets=None, aside=()):
        self.name, self.title, self.figure = name, title, figure
        self.unit = figure.split()[0]
        self.contestants, self.targets, self.aside = contestants, targets or {}, aside

    def prepare(self):
        """Called once, before the first measurement."""


class Program(Row):
    """Programs that measure themselves and print {"KEY": figure}."""

    def __init__(self, *args, key="ns", cores=(SERVER_CORE,), rounds_max=1000, **more):
        super().__init__(*args, **more)
        self.key, self.cores, self.rounds_max = key, set(cores), rounds_max

    def measure(self, command, quick):
        command = [quick_form(word) if quick else word.split("@")[0] for word in command]
        return json.loads(harness.run(command, self.cores))


def quick_form(word):
    """An argument "tasks=1000@10" is 1000, and 10 in a quick run."""
    full, _, short = word.partition("@")
    return full.partition("=")[0] + "=" + short if short else full


class FileReads(Program):
    """Contestants at reading a file, which is made beforehand."""

    def __init__(self, maker, *args, **more):
        super().__init__(*args, **more)
        self.maker = maker

    def prepare(self):
        harness.run(self.maker, self.cores)


class Computation(Program):
    """Contestants at pieces of computation of 100 us each on this machine."""

    def __init__(self, calibrate, *args, **more):
        super().__init__(*args, **more)
        self.calibrate, self.steps = calibrate, None

    def prepare(self):
        self.steps = json.loads(harness.run(self.calibrate, {SERVER_CORE}))["steps"]

    def measure(self, command, quick):
        return super().measure([*command, f"steps={self.steps}"], quick)


class Echo(Row):
    """Echo servers under a closed loop of 64-byte messages."""
    key = "us"
    countable = True

    def __init__(self, program, connections, in_flight, *args, **more):
        super().__init__(*args, **more)
        self.program, self.connections, self.in_flight = program, connections, in_flight
        self.seconds = 1.5 if connections >= 5000 else 0.8
        # Under callgrind a thousand connections take minutes, and say the same.
        self.counted = connections < 1000
        self.count_few, self.count_many = (5, 55) if connections >= 5000 else (
            (20, 220) if in_flight == 1 else (320, 3520))

    def load(self, server, *extra):
        return harness.load([self.program, str(server.port), str(self.connections),
                             str(self.in_flight), *extra])

    def measure(self, command, quick):
        seconds, warm = (0.4, 0.3) if quick else (self.seconds, self.seconds / 3)
        with Server(command) as server:
            said = self.load(server, f"pid={server.pid}", f"seconds={seconds}", f"warm={warm}")
        count = said["operations"]
        if count == 0:
            raise Failed("nothing was answered")
        taken = {"us": said["server_cpu_ns"] / count / 1e3,
                 "busy": said["server_cpu_ns"] / said["wall_ns"],
                 "per_second": count / said["wall_ns"] * 1e9}
        taken.update({key: said[key] for key in ("p50_us", "p99_us") if key in said})
        return taken

    def count_calls(self, command):
        """System calls a message: the difference of two loads, so that set-up cancels out."""
        few, many = (n * self.connections for n in (self.count_few, self.count_many))
        with Server(command) as server:
            total = [harness.system_calls(
                server.pid, lambda n=n: self.load(server, f"count={n}"))[0] for n in (few, many)]
        return (total[1] - total[0]) / (many - few)

    def count_instructions(self, command):
        """User instructions a message, likewise; the first load pays for starting."""
        few = max(self.count_few // 5, 1) if self.connections >= 5000 else self.count_few
        each = [n * self.connections for n in (few, few, few * 6)]
        _, (few, _), (many, _) = harness.instructions(command, [
            lambda server, n=n: self.load(server, f"count={n}") for n in each])
        return (many - few) / (each[2] - each[1])


class Connect(Echo):
    """Servers that answer one message a connection and close, under a closed loop of connections.
    The load has all other cores: to connect costs more than to accept."""
    asks = ()

    def load(self, server, *extra):
        return harness.load([self.program, str(server.port), str(self.connections), *self.asks,
                             f"threads={len(LOAD_CORES)}", *extra], LOAD_CORES)


class ConnectHttp(Connect):
    """The same of HTTP servers: a file a connection."""
    asks = ("http=/1k.txt",)

    def __init__(self, site, *args, **more):
        super().__init__(*args, **more)
        self.site = site

    def prepare(self):
        self.site.make()


class Http(Row):
    """HTTP servers under wrk."""
    key = "us"
    countable = True
    connections = 64

    def __init__(self, site, path, pipelined, *args, **more):
        super().__init__(*args, **more)
        self.site, self.path, self.pipelined = site, path, pipelined
        self.counted = path == "/1k.txt"

    def prepare(self):
        self.site.make()

    def load(self, server, seconds):
        return harness.wrk(server, self.connections, self.path, seconds, self.pipelined)

    def measure(self, command, quick):
        with Server(command) as server:
            self.load(server, 1)
            before = harness.cpu_ns(server.pid)
            count = self.load(server, 1 if quick else 2)
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


class Site:
    """The files that the HTTP rows serve, and nginx's configuration."""

    def __init__(self, scratch):
        self.scratch, self.root = scratch, f"{scratch}/root"

    def make(self):
        os.makedirs(self.root, exist_ok=True)
        for name, size in (("1k.txt", 1024), ("1m.txt", 1 << 20)):
            with open(f"{self.root}/{name}", "w", encoding="ascii") as file:
                file.write("x" * size)
        with open(f"{HERE}/peers/nginx/nginx.conf", encoding="utf-8") as file:
            conf = file.read().replace("@DIR@", self.scratch).replace("@ROOT@", self.root)
        with open(f"{self.scratch}/nginx.conf.in", "w", encoding="utf-8") as file:
            file.write(conf)

    def nginx(self):
        """Its command. The port is known only when the server starts: a shell puts it in and
        becomes nginx."""
        conf = f"{self.scratch}/nginx.conf"
        return ["sh", "-c", f"sed s/@[P]ORT@/$1/ {conf}.in > {conf} && "
                            f"exec nginx -p {self.scratch} -e stderr -c {conf}", "sh", "@PORT@"]

