"""The memory of a parked task."""

from kinds import AtMost, Program, Section


def parked(at, tasks, wait, title):
    args = (f"tasks={tasks}", f"wait={wait}")
    contestants = {
        "dure, 256 KiB apart": at.dure("parked", *args, f"stack={256 << 10}"),
        "dure, 64 KiB apart": at.dure("parked", *args, f"stack={64 << 10}"),
        "Go": at.peer("go", "waits", f"parked={tasks}", f"wait={wait}"),
        "tokio": at.peer("tokio", "waits", f"parked={tasks}", f"wait={wait}"),
    }
    if tasks <= 100000 and wait == "sleep":
        contestants["State Threads"] = at.peer("st", "waits", f"parked={tasks}")
        contestants["Boost.Fiber"] = at.peer("boost", "waits", f"parked={tasks}")
    return Program(f"parked-{wait}-{tasks}", title, "B a task", contestants, {
        "dure, 256 KiB apart": AtMost(4700),
        "dure, 64 KiB apart": AtMost(4300),
    }, key="bytes", rounds_max=3 if tasks <= 100000 else 2)


def memory(at):
    return Section("Memory of a parked task", (
        "Resident pages and page tables after, less before, for each task. A stack needs at least "
        "one page: what has less has stacks that are copied when they grow (Go) or none (tokio)."
        ), [parked(at, tasks, wait, f"{words} tasks parked in a {wait}")
            for tasks, words in ((100000, "100,000"), (1000000, "a million"))
            for wait in ("sleep", "read")])
