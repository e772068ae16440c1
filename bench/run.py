#!/usr/bin/env python3
"""Measures dure against its floors and peers: prints a table, writes one JSON line a figure.

    bench/run.py [--build DIR] [--rounds N] [--quick] [--counts | --no-counts] [NAME...]

NAME picks the rows whose name contains it; `--list` shows them. Contestants alternate round by
round; the table has each one's median, its spread, and the median of its round-by-round ratios to
the reference. Nothing is measured by throughput: see README.md.
"""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import harness
import rows as table
from harness import Failed, Unavailable
from kinds import Absent

HERE = os.path.dirname(os.path.abspath(__file__))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    parser.add_argument("--rounds", type=int, default=0, help="5, or 3 in a quick run")
    parser.add_argument("--quick", action="store_true", help="short runs: for a first look only")
    parser.add_argument("--list", action="store_true", help="show the rows' names and end")
    parser.add_argument("--only", default="", help="contestants whose name contains this")
    parser.add_argument("--counts", action="store_true",
                        help="system calls and instructions only, of all rows that have them")
    parser.add_argument("--no-counts", action="store_true", help="times only")
    parser.add_argument("--results", default=f"{HERE}/results")
    parser.add_argument("--no-build", action="store_true")
    return parser.parse_args()


def first_line(*command):
    """The first line that a command says, or None: for versions."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return (done.stdout or done.stderr).strip().split("\n")[0] or None


def package(name):
    """The version of an installed package, without what the distribution adds."""
    said = first_line("dpkg-query", "-W", "-f=${Version}", name)
    match = re.match(r"(?:\d+:)?(\d[^-+~]*)", said or "")
    return match.group(1) if match else None


def versions():
    """Of the compiler, the peers and the instruments, as the packages say."""
    return {name: package(of) for name, of in {
        "gcc": "gcc-12", "liburing": "liburing-dev", "nginx": "nginx", "libuv": "libuv1-dev",
        "libevent": "libevent-dev", "State Threads": "libst-dev", "Boost": "libboost-fiber-dev",
        "Go": "golang-go", "tokio": "librust-tokio-dev", "rustc": "rustc", "wrk": "wrk",
        "valgrind": "valgrind"}.items()}


def machine(args):
    """What a figure must be read with."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    git = ["git", "-C", HERE]
    return {
        "record": "machine", "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "processor": models[0] if models else platform.machine(), "cores": len(harness.CORES),
        "kernel": platform.release(), "commit": first_line(*git, "rev-parse", "HEAD"),
        "changed": bool(first_line(*git, "status", "--porcelain", "--untracked-files=no")),
        "versions": versions(), "load": os.getloadavg()[0], "quick": args.quick,
        "only": args.only,
    }


class Figures:
    """What one row's contestants measured, a list of values a round; None where one failed."""

    def __init__(self, row, contestants):
        self.row = row
        self.values = {name: [] for name in contestants}
        self.notes = {name: [] for name in contestants}
        self.skipped = {}

    def take(self, name, command, quick):
        """Measures one contestant once. One that fails keeps its place in the round, so that the
        others' pairs stay pairs; one that is not there is left out of the rounds to come."""
        if name in self.skipped:
            return
        if isinstance(command, Absent):
            self.skipped[name] = command.reason
            return
        try:
            said = self.row.measure(command, quick)
        except Unavailable as reason:
            self.skipped[name] = str(reason)
        except Failed as reason:
            self.values[name].append(None)
            if self.values[name].count(None) >= 2:
                self.skipped[name] = str(reason)
        else:
            self.values[name].append(said.pop(self.row.key))
            self.notes[name].append(said)

    def median(self, name):
        values = [v for v in self.values[name] if v is not None]
        return statistics.median(values) if values else None

    def best(self, names):
        """The reference: the one of them with the lowest median."""
        there = [name for name in names if name in self.values and self.median(name) is not None]
        return min(there, key=self.median) if there else None

    def ratio(self, name, reference):
        """The median of the ratios within each round."""
        pairs = zip(self.values[name], self.values[reference])
        ratios = [mine / its for mine, its in pairs if mine is not None and its is not None]
        return statistics.median(ratios) if ratios else None

    def record(self, name):
        """A contestant's JSON line."""
        row = self.row
        values = [v for v in self.values[name] if v is not None]
        record = {"record": "figure", "row": row.name, "title": row.title, "contestant": name,
                  "unit": row.unit}
        if name in self.skipped:
            record["skipped"] = self.skipped[name]
        if not values:
            return record
        record.update(median=round(self.median(name), 4), min=round(min(values), 4),
                      max=round(max(values), 4), rounds=[round(v, 4) for v in values])
        for key in self.notes[name][0]:
            record[key] = round(statistics.median(note[key] for note in self.notes[name]), 4)
        target = row.targets.get(name)
        first = next(iter(self.values))
        reference = self.best(target.references) if target and target.references else (
            None if name == first else self.best([first]))
        if reference:
            record.update(reference=reference, ratio=round(self.ratio(name, reference), 4))
        if target:
            reached = record.get("ratio") if target.references else record["median"]
            record.update(target=round(target.bound, 4), target_is="ratio" if target.references
                          else "value", reached=reached is not None and reached <= target.bound)
        return record


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def print_row(row, records, took_s):
    print(f"\n{row.title} [{row.name}; {took_s:.0f} s]")
    print(f"  {'':24}{'median':>10} {'min':>9} {'max':>9}  {'ratio':>6}  {'target':>9}  ok?")
    for record in records:
        if "median" not in record:
            print(f"  {record['contestant']:24}skipped: {record.get('skipped', 'no figure')}")
            continue
        ratio = f"{record['ratio']:.3f}" if "ratio" in record else ""
        target = verdict = ""
        if "target" in record:
            is_ratio = record["target_is"] == "ratio"
            target = f"{record['target']:.2f}x" if is_ratio else number(record["target"])
            target = "<= " + target
            verdict = "yes" if record["reached"] else "NO"
        print(f"  {record['contestant']:24}{number(record['median']):>7} {row.unit:2} "
              f"{number(record['min']):>9} {number(record['max']):>9}  {ratio:>6}  {target:>9}  "
              f"{verdict}", end="")
        print(f"   busy {record['busy']:.0%}" if "busy" in record else "")
    sys.stdout.flush()


def measure_row(row, contestants, args, write):
    figures = Figures(row, contestants)
    begun = time.monotonic()
    rounds = min(args.rounds or (3 if args.quick else 5), row.rounds_max)
    names = list(contestants)
    for number_of_round in range(rounds):
        # Each round begins with another one: who comes first finds other caches than who is last.
        shift = number_of_round % len(names)
        for name in names[shift:] + names[:shift]:
            figures.take(name, contestants[name], args.quick)
    records = [figures.record(name) for name in names]
    for record in records:
        write(record)
    print_row(row, records, time.monotonic() - begun)


def count_row(row, contestants, write):
    """System calls and user instructions an operation, which need no rounds."""
    print(f"\n{row.title} [{row.name}]: an operation")
    print(f"  {'':24}{'system calls':>13}  {'user instructions':>18}")
    begun = time.monotonic()
    for name, command in contestants.items():
        if isinstance(command, Absent):
            continue
        cells = []
        for what, count in (("system calls", row.count_calls),
                            ("instructions", row.count_instructions)):
            record = {"record": "count", "row": row.name, "contestant": name, "unit": what}
            try:
                record["value"] = round(count(command), 4)
                cells.append(f"{record['value']:,.3f}" if record["value"] < 100
                             else f"{record['value']:,.0f}")
            except (Unavailable, Failed) as reason:
                record["skipped"] = str(reason)
                cells.append("-")
                print(f"  {name}: {what}: skipped: {' '.join(str(reason).split())[:100]}")
            write(record)
        print(f"  {name:24}{cells[0]:>13}  {cells[1]:>18}")
        sys.stdout.flush()
    print(f"  ({time.monotonic() - begun:.0f} s)")


def run_rows(rows, args, write):
    for row in rows:
        contestants = {name: command for name, command in row.contestants.items()
                       if args.only in name}
        if not contestants:
            continue
        try:
            row.prepare()
        except (Unavailable, Failed) as reason:
            print(f"\n{row.title} [{row.name}]\n  skipped: {reason}")
            continue
        if not args.counts:
            measure_row(row, contestants, args, write)
        if args.counts and row.countable or row.counted and not args.no_counts:
            count_row(row, contestants, write)


def main():
    args = parse()
    args.build = os.path.abspath(args.build)
    if not args.no_build:
        subprocess.run(["ninja", "-C", args.build, "--quiet", "bench-programs"], check=True)
    with tempfile.TemporaryDirectory(prefix="dure-bench-") as scratch:
        os.chmod(scratch, 0o755)
        rows = [row for row in table.all_rows(args.build, scratch)
                if not args.names or any(name in row.name for name in args.names)]
        if args.list or not rows:
            print("\n".join(f"{row.name:22}{row.title}" for row in rows or
                            table.all_rows(args.build, scratch)))
            return 0 if args.list else 2
        os.makedirs(args.results, exist_ok=True)
        about = machine(args)
        begun = time.monotonic()
        path = os.path.join(args.results, about["time"][:19].replace(":", "") + ".jsonl")
        with open(path, "w", encoding="utf-8") as results:
            def write(record):
                results.write(json.dumps(record) + "\n")
                results.flush()
            write(about)
            print(f"{about['processor']}, {about['cores']} cores, Linux {about['kernel']}; "
                  f"server on core {harness.SERVER_CORE}, load on core {harness.LOAD_CORE}")
            if about["load"] > 0.5:
                print(f"The machine is busy (load {about['load']:.1f}): figures will be noisy.")
            run_rows(rows, args, write)
        print(f"\n{(time.monotonic() - begun) / 60:.0f} minutes; written to {os.path.relpath(path)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
