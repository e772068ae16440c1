#!/usr/bin/env python3
"""Searches the models of tests/model/ in full, with spin: check_models.py SPIN CC [NAME...]

Each model is a small program in Promela whose every order of steps is gone through. It has to be
without fault as the code is; and it has to find the fault in each of the ways the code must not be,
or it would prove nothing. docs/decisions/0005-memory-order.md says what they stand for.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "model")

# Model, its settings, what spin has to find; None: nothing.
CASES = [
    ("mutex", [], None),
    ("mutex", ["SET_FREE_INSIDE"], "assertion violated"),
    ("mutex", ["GIVES_UP_QUIETLY", "TASKS=4"], "invalid end state"),
    ("rwlock", [], None),
    ("rwlock", ["LEAVES_QUIETLY"], "assertion violated"),
    ("rwlock", ["CHANGES_FOR_NOBODY"], "assertion violated"),
    ("semaphore", [], None),
    ("semaphore", ["POSTS_INSIDE"], "assertion violated"),
    ("semaphore", ["SIGNALS_INSIDE"], "assertion violated"),
    ("barrier", [], None),
    ("barrier", ["LEAVES_QUIETLY"], "assertion violated"),
    ("barrier", ["COUNTS_LAST"], "invalid end state"),
    ("once", [], None),
    ("once", ["FAILS_QUIETLY"], "invalid end state"),
    ("once", ["NAMES_NOBODY"], "assertion violated"),
    ("sleep", ["SENDERS=3"], None),
    ("sleep", ["DELAYED"], "invalid end state"),
    ("idle", [], None),
    ("idle", ["LOOKS_FIRST"], "invalid end state"),
    ("idle", ["ASKS_ONCE"], "invalid end state"),
    ("idle", ["KEEPS_QUIET"], "invalid end state"),
    ("idle", ["SEARCHES_ONCE"], "invalid end state"),
    ("steal", [], None),
    ("steal", ["SCHED_DELAYED"], "invalid end state"),
    ("steal", ["LEVEL_DELAYED"], "invalid end state"),
    ("steal", ["TOLD_ONCE"], "invalid end state"),
    ("steal", ["RELEASED_AT_ONCE"], "assertion violated"),
]


def search(spin, compiler, model, settings):
    """Returns (what pan found or None, how many states there are)."""
    with tempfile.TemporaryDirectory(prefix="dure-model-") as scratch:
        def run(*command):
            return subprocess.run(command, cwd=scratch, check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        run(spin, "-a", *("-D" + setting for setting in settings), f"{HERE}/{model}.pml")
        run(*compiler, "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        said = run("./pan", "-m1000000", "-w22")
    if "max search depth too small" in said:
        sys.exit(f"{model}: the search was cut short")
    found = re.search(r"^pan:\d+: (.*)", said, re.M)
    return found and found.group(1), re.search(r"(\d+) states, stored", said).group(1)


def main():
    spin, compiler, names = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
    faults = 0
    for model, settings, wanted in CASES:
        if names and model not in names:
            continue
        found, states = search(spin, compiler, model, settings)
        good = found is None if wanted is None else bool(found) and wanted in found
        faults += not good
        print(f"{'ok' if good else 'FAULT'}: {model} {' '.join(settings)}: {states} states, "
              f"{found or 'no fault'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
