#!/usr/bin/env python3
"""The same seed is the same run, in another process too, event by event.

same_twice.py PROGRAM SEED...
"""
import pathlib
import subprocess
import sys
import tempfile


def trace_of(program, seed, path):
    subprocess.run([program, f"--seed={seed}", f"--trace={path}"], check=True)
    return path.read_text().splitlines()


def main():
    program, seeds = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            first, second = (trace_of(program, seed, pathlib.Path(folder) / n) for n in "ab")
            for number, (a, b) in enumerate(zip(first, second), 1):
                if a != b:
                    sys.exit(f"seed {seed}: event {number} is \"{a}\", and then \"{b}\"")
            if len(first) != len(second):
                sys.exit(f"seed {seed}: {len(first)} events, and then {len(second)}")
            print(f"seed {seed}: {len(first)} events, twice the same")


main()
