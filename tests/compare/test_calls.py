#!/usr/bin/env python3
"""dure compare io counts its system calls itself: strace must count the same.

test_calls.py IO_ONE

The calls of 200 events are taken from those of 1200: what is left are those of
1000 events, without those that begin and end the process. Left out are the
writer's calls, and futexes.

The C library's AIO also makes threads as it needs them. There the calls that each
event takes are looked at alone.
"""
import json
import shutil
import subprocess
import sys
import tempfile

FEW, MANY = 200, 1200
INTERVAL_US = "300"
# The writer's: it sleeps, writes, and lets the waiter go first.
NOT_THE_WAITERS = {"write", "clock_nanosleep", "sched_yield", "futex", "total"}
# Those that ask all the time are at it under strace until it is bored.
RESTLESS = {"polled", "polled, pause 0.1 ms", "polled, pause 1 ms", "polled, pause 10 ms",
            "io_uring (SQPOLL)"}
# By mechanism: the calls that are compared, and how many of those told stand for one of them.
ALONE = {
    "POSIX AIO (signal)": ({"pread64", "read", "getpid", "getuid", "rt_sigqueueinfo",
                            "rt_sigtimedwait"}, 1),
    "POSIX AIO (thread)": ({"pread64", "read"}, 6),
}
SKIPPED = 77


def traced(program, mechanism, events):
    """The program's own report, and what strace counts of it, by call."""
    with tempfile.NamedTemporaryFile("r") as counts:
        run = subprocess.run(["strace", "-f", "-c", "-o", counts.name, program, mechanism, "20",
                              str(events), "1", INTERVAL_US],
                             stdout=subprocess.PIPE, text=True, timeout=120)
        rows = [line.split() for line in counts]
    calls = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()}
    return json.loads(run.stdout), calls


def total(calls, mechanism):
    """The calls that are compared."""
    if mechanism not in ALONE:
        return sum(count for name, count in calls.items() if name not in NOT_THE_WAITERS)
    names, stands_for = ALONE[mechanism]
    return sum(count for name, count in calls.items() if name in names) * stands_for


def check(program, mechanism):
    """Returns: whether both counts agree."""
    few, calls_few = traced(program, mechanism, FEW)
    many, calls_many = traced(program, mechanism, MANY)
    if "refused" in (few["outcome"], many["outcome"]):
        print(f"skipped: {mechanism}: {few['why'] or many['why']}")
        return True
    told = many["calls_all"] - few["calls_all"]
    seen = total(calls_many, mechanism) - total(calls_few, mechanism)
    agree = abs(told - seen) <= 0.01 * seen + 10
    print(f"{'ok' if agree else 'FAULT'}: {mechanism}: {told} told, {seen} seen")
    return agree and many["outcome"] == "done" and many["strange"] == 0


def strace_works():
    return shutil.which("strace") and subprocess.run(
        ["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode == 0


def main():
    program = sys.argv[1]
    if not strace_works():
        print("skipped: strace is missing, or may not trace here")
        return SKIPPED
    names = subprocess.run([program, "--list"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    faults = [name for name in names if name not in RESTLESS and not check(program, name)]
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
