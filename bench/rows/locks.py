"""Locks that nobody else wants, and one that two loops want."""

from harness import LOAD_CORE, SERVER_CORE
from kinds import AtMost, Program, Section


def alone(at, what, title, bounds):
    return Program(what, title, "ns of CPU a pair", {
        name: at.micro("sync", f"what={what}", f"of={of}", "pairs=30000000@5000000")
        for name, of in (("pthread", "pthread"), ("dure", "dure"), ("dure, same loop", "same_loop"))
    }, bounds)


def locks(at):
    return Section("Locks", (
        "What a lock costs that nobody else holds, beside the C library's; and one that two sides "
        "want all the time, each with 40 ns of work under it and 150 ns without."), [
        alone(at, "mutex", "mutex, lock + unlock",
              {"dure": AtMost(14), "dure, same loop": AtMost(3)}),
        alone(at, "semaphore", "semaphore, wait + post", {}),
        alone(at, "rwlock", "read-write lock, read + unlock", {}),
        Program("mutex-2", "mutex, two sides: 40 ns with it, 150 ns without",
                "ns of the clock a pair", {
                    name: at.micro("sync", "what=mutex", f"of={of}", "loops=2", "inside=30",
                                   "outside=100", "pairs=2000000@200000")
                    for name, of in (("pthread", "pthread"), ("dure", "dure"))
                }, key="wall_ns", cores=(SERVER_CORE, LOAD_CORE)),
    ])
