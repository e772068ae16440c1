#!/usr/bin/env python3
"""Whatever ends dure compare in the middle of a measurement: no process is left.

test_interrupt.py DURE

Each run carries a mark in its environment, by which /proc tells its processes.
"""
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

MARK = "DURE_TEST_MARK"
PATIENCE_S = 60


def marked(mark):
    """Yields the processes that carry the mark."""
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if f"{MARK}={mark}\0".encode() in (process / "environ").read_bytes():
                yield int(process.name)
        except OSError:
            pass  # it has just ended


def count_up_to(most, mark):
    """There may be 10,000: no more than needed are looked at."""
    return len(list(itertools.islice(marked(mark), most)))


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {PATIENCE_S} s")
        time.sleep(0.01)


def end_in_the_middle(dure, experiment, how, processes):
    """Sends a signal when so many processes are at work. Returns: how the run ended, what it said."""
    mark = f"{os.getpid()}-{experiment}-{how}"
    run = subprocess.Popen([dure, "compare", experiment, "--seconds", "5"],
                           env={**os.environ, MARK: mark}, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        wait_until(f"{experiment}: {processes} processes",
                   lambda: run.poll() is not None or count_up_to(processes, mark) == processes)
        assert run.poll() is None, f"{experiment} ended by itself: {run.communicate()[0]}"
        os.kill(run.pid, how)
        said = run.communicate(timeout=PATIENCE_S)[0]
        wait_until(f"{experiment}: the end of all processes", lambda: count_up_to(1, mark) == 0)
    finally:
        for pid in list(marked(mark)):
            os.kill(pid, signal.SIGKILL)
    return run.returncode, said


def main():
    dure = sys.argv[1]
    # io: the run and a measurement. switch: many processes of a measurement.
    for experiment, processes in (("io", 2), ("switch", 100)):
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            status, said = end_in_the_middle(dure, experiment, how, processes)
            print(f"{experiment}, {how.name}: status {status}")
            if how == signal.SIGKILL:
                assert status == -how, status
            else:
                assert status >= 0, f"it died of {how.name}: {said}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
