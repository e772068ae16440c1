"""Tasks among themselves: turns, lives, channels, and how loops share computation."""

from harness import LOAD_CORE, SERVER_CORE
from kinds import Absent, AtMost, Computation, Program, Section

BOTH = (SERVER_CORE, LOAD_CORE)


def lives(at, alive):
    """A task spawned and joined, so many alive at once."""
    args = (f"alive={alive}", "tasks=3000000@500000")
    return {
        "dure": at.dure("spawn", *args),
        "State Threads": at.peer("st", "tasks", *args),
        "Boost.Fiber": at.peer("boost", "tasks", *args),
        "Go": at.peer("go", "tasks", *args),
        "tokio": at.peer("tokio", "tasks", *args),
    }


def tasks(at):
    return Section("Tasks", (
        "On one processor. State Threads yields by a sleep of no time, tokio by a look at the "
        "kernel; Boost's stacks come from its pool. Tasks of tokio have no stack: what they keep "
        "over a wait is known to the compiler."), [
        Program("yield", "two tasks yield once each", "ns of CPU", {
            "two bare switches": at.floor("switch"),
            "dure": at.dure("yield", "rounds=20000000@2000000"),
            "State Threads": at.peer("st", "tasks", "yield=1000000@200000"),
            "Boost.Fiber": at.peer("boost", "tasks", "yield=3000000@500000"),
            "Go": at.peer("go", "tasks", "yield=3000000@500000"),
            "tokio": at.peer("tokio", "tasks", "yield=1000000@200000"),
        }, {"dure": AtMost(12)}),
        Program("spawn-1", "spawn + join, one at a time", "ns of CPU a task", lives(at, 1),
                {"dure": AtMost(40)}),
        Program("spawn-1000", "spawn + join, 1,000 alive", "ns of CPU a task", lives(at, 1000),
                {"dure": AtMost(35)}),
        Program("scope", "a scope opened and closed", "ns of CPU", {
            "dure": at.dure("scope", "rounds=20000000@2000000"),
        }, {"dure": AtMost(10)}),
        Program("scope-deadline", "the same with a deadline", "ns of CPU", {
            "dure": at.dure("scope", "deadline=1", "rounds=10000000@1000000"),
            "dure, a million others": at.dure("scope", "deadline=1", "others=1000000",
                                              "rounds=10000000@1000000"),
        }, {"dure": AtMost(60), "dure, a million others": AtMost(120)}, rounds_max=7),
    ])


def one_loop(at, name, title, args, others, bounds):
    """Two tasks on one loop, and a channel of that loop alone or of all."""
    ours = at.dure("channel", "items=5000000@1000000", *args)
    return Program(name, title, "ns of CPU an item", {
        "dure, of one loop": ours,
        "dure, of all loops": [*ours, "shared=1"],
        **others,
    }, bounds)


def channels(at):
    count = "items=3000000@500000"
    rendezvous, buffered, choose = ("capacity=0",), ("capacity=128",), ("capacity=128", "choose=1")
    no_places = Absent("its channels have at least one place")
    rows = [
        one_loop(at, "channel-0", "channel, no buffer, one loop", rendezvous, {
            "Boost.Fiber": at.peer("boost", "channel", count, *rendezvous),
            "Go": at.peer("go", "channel", count, *rendezvous),
            "tokio": no_places,
        }, {"dure, of one loop": AtMost(25)}),
        one_loop(at, "channel-128", "channel, 128 places, one loop", buffered, {
            "Boost.Fiber": at.peer("boost", "channel", count, *buffered),
            "Go": at.peer("go", "channel", count, *buffered),
            "tokio": at.peer("tokio", "channel", count, *buffered),
        }, {"dure, of one loop": AtMost(14)}),
        one_loop(at, "choose", "choose, two channels of 128 places, one loop", choose, {
            "Go": at.peer("go", "channel", count, *choose),
            "tokio": at.peer("tokio", "channel", count, *choose),
        }, {}),
    ]
    for name, title, args, bounds in (
            ("channel-0-loops", "channel, no buffer, between two loops", rendezvous, {}),
            ("channel-128-loops", "channel, 128 places, between two loops", buffered,
             {"dure": AtMost(400)})):
        args = ("items=500000@100000", "loops=2", *args)
        rows.append(Program(name, title, "ns of the clock an item", {
            "dure": at.dure("channel", *args),
            "Boost.Fiber": at.peer("boost", "channel", *args),
            "Go": at.peer("go", "channel", *args),
            "tokio": at.peer("tokio", "channel", *args) if args[-1] != "capacity=0" else no_places,
        }, bounds, cores=BOTH))
    return Section("Channels", (
        "Items of 8 bytes from one task to another. A channel of one loop needs nothing that "
        "orders memory; one of all loops can be used from anywhere. Go puts a goroutine on "
        "whichever thread is free, so that both of its ends may well share one."), rows)


def computation(at):
    tasks_word = "tasks=10000@2000"
    row = Computation(at.floor("compute"), "compute", "10,000 tasks of 100 us of computation",
                      "ms of the clock", {
                          "one thread, no tasks": at.floor("compute", tasks_word, "threads=1"),
                          "two threads, no tasks": at.floor("compute", tasks_word, "threads=2"),
                          "dure, one loop": at.dure("compute", tasks_word, "loops=1"),
                          "dure, two loops": at.dure("compute", tasks_word, "loops=2"),
                      }, {"dure, two loops": AtMost(1 / 1.9, ("dure, one loop",))},
                      key="ms", cores=BOTH)
    return Section("Computation", (
        "All tasks are spawned from one loop; an idle loop takes those that have not begun."), [row])
