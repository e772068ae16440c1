#!/usr/bin/env python3
"""Runs the suite of a build directory and counts the single tests in it.

run-tests.py BUILD [--name T] [--flags 'FLAGS of meson test']

Meson counts programs; a reader wants to know how many tests ran. The last line
is `N passed, N failed, N skipped`; the exit status is 1 when any failed.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

# More failures than this are no accident.
AGAIN_MAX = 12

CMOCKA_RUN = re.compile(r"^\[ RUN      \] (\S+)", re.M)
CMOCKA_OK = re.compile(r"^\[       OK \] (\S+)", re.M)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+)", re.M)
UNITTEST_RUN = re.compile(r"^Ran (\d+) tests? in ", re.M)
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \((.*)\))?$", re.M)
TAP = re.compile(r"^(not )?ok \d+([^#\n]*)(# skip)?", re.M | re.I)
TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def count_output(text):
    """Returns (passed, failed, skipped) as the runner printed them, or None."""
    run = CMOCKA_RUN.findall(text)
    if run:
        passed = len(CMOCKA_OK.findall(text))
        # Each is named twice, as it is skipped and in the list at the end; a program that runs the
        # suite once a backend may skip the same test several times.
        skipped = (sum(name in set(run) for name in CMOCKA_SKIPPED.findall(text)) + 1) // 2
        # One that began and did not end well crashed, if it did not fail.
        return passed, max(len(run) - passed - skipped, 0), skipped
    ran = UNITTEST_RUN.search(text)
    if ran:
        counts = {"failures": 0, "errors": 0, "skipped": 0}
        end = UNITTEST_END.search(text, ran.end())
        for name, value in re.findall(r"(\w+)=(\d+)", (end and end.group(1)) or ""):
            counts[name] = int(value)
        failed = counts["failures"] + counts["errors"]
        return int(ran.group(1)) - failed - counts["skipped"], failed, counts["skipped"]
    points = TAP.findall(text)
    if points:
        failed = sum(1 for bad, _, skip in points if bad and not skip)
        skipped = sum(1 for _, _, skip in points if skip)
        plan = TAP_PLAN.search(text)
        missing = max(int(plan.group(1)) - len(points), 0) if plan else 0
        return len(points) - failed - skipped, failed + missing, skipped
    plain = PLAIN.findall(text)
    if plain:
        return tuple(int(value or 0) for value in plain[-1])
    return None


def count_program(test):
    """Counts one program of the log; a program of no runner counts as one test."""
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    result = test["result"]
    if result == "SKIP":
        return 0, 0, 1
    good = result in ("OK", "EXPECTEDFAIL")
    counts = count_output(text)
    if counts is None:
        return (1, 0, 0) if good else (0, 1, 0)
    passed, failed, skipped = counts
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def names_of(build, part):
    """The names of the tests that contain the given text."""
    listed = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return [test["name"] for test in json.loads(listed) if part in test["name"]]


def run(build, flags, names):
    """Runs the tests; returns Meson's status and its log by name, None if there is none."""
    log = pathlib.Path(build, "meson-logs", "testlog.json")
    log.unlink(missing_ok=True)
    status = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                             *flags, *names], stdin=subprocess.DEVNULL).returncode
    if not log.exists():
        return status, None
    tests = [json.loads(line) for line in log.read_text().splitlines()]
    return status, {test["name"].split(" / ")[-1]: test for test in tests}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--name", default="")
    parser.add_argument("--flags", default="")
    options = parser.parse_args()

    names = []
    if options.name:
        names = names_of(options.build, options.name)
        if not names:
            print(f"No test's name contains '{options.name}'.", file=sys.stderr)
            return 1

    status, tests = run(options.build, options.flags.split(), names)
    if tests is None:
        print("No test ran.", file=sys.stderr)
        return status or 1
    failing = [name for name, test in tests.items() if count_program(test)[1]]
    if 0 < len(failing) <= AGAIN_MAX:
        # A machine that others use too can starve a test of time. Alone it gets a second chance,
        # and is named in any case.
        status, again = run(options.build, options.flags.split() + ["--num-processes=1"], failing)
        for name in failing:
            good = again and name in again and not count_program(again[name])[1]
            print(f"{'failed once, passed alone' if good else 'failed twice'}: {name}")
            if good:
                tests[name] = again[name]

    totals = [0, 0, 0]
    for name, test in tests.items():
        totals = [a + b for a, b in zip(totals, count_program(test))]
        if test["result"] == "SKIP":
            why = [text for text in (test.get("stdout") or "").splitlines() if text.strip()]
            print(f"skipped: {name}: {why[-1].strip() if why else 'no reason given'}")
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or status else 0


if __name__ == "__main__":
    sys.exit(main())
