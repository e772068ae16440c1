#!/usr/bin/env python3
"""Writes the papers from what `make bench` measured: docs/benchmarks.md, its charts, and what the
README and the site show of them. Measures nothing.

    bench/papers.py [--results DIR] [--root DIR]

Of each row the newest whole measurement counts, of each count the newest; quick runs and runs of
some contestants only (--only) do not count.
"""

import argparse
import glob
import html
import json
import os
import pathlib
import re
import sys
import textwrap

import charts
import rows as table

HERE = pathlib.Path(__file__).resolve().parent
# The rows that others show.
README = ("echo-64", "connect", "http-1k", "spawn-1000", "yield", "parked-sleep-100000")
SITE = ("echo-64", "echo-1000", "echo-10000", "connect", "connect-http", "http-1k", "http-1k-x16", "http-1m",
        "spawn-1000", "yield", "channel-128", "parked-sleep-100000", "file-cached")
# Two stand side by side in a README's usual width.
IMAGE = 400
UNITS = {"us": "µs", "B": "bytes"}


class Figures:
    """What is known of the rows: the newest of each. `runs`: what was said of the machine."""

    def __init__(self, paths):
        self.rows, self.counts, self.runs = {}, {}, {}
        for path in paths:
            self.read(path)

    def read(self, path):
        """A file of results. Files come in the order of their names, which is that of time."""
        run, seen = None, {}
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["record"] == "machine":
                run = record
            elif record["record"] == "figure":
                seen.setdefault(record["row"], {})[record["contestant"]] = record
            elif "value" in record:
                key = record["row"], record["contestant"]
                self.counts.setdefault(key, {})[record["unit"]] = record["value"]
        if run is None or run.get("quick") or run.get("only"):
            return
        for row, figures in seen.items():
            if any("median" in figure for figure in figures.values()):
                self.rows[row] = figures
                self.runs[row] = run

    def measured(self, row):
        """A row's figures, in the order of its contestants; of those that it still has."""
        there = self.rows.get(row.name, {})
        return [there[name] for name in row.contestants if "median" in there.get(name, {})]

    def missing(self, row):
        """Whom a row has no figure of, and why."""
        there = self.rows.get(row.name, {})
        return [(name, there[name].get("skipped", "not measured") if name in there
                 else "not measured yet")
                for name in row.contestants if "median" not in there.get(name, {})]


def unit_of(row):
    """"us of CPU a message" as one writes it."""
    unit, _, rest = row.figure.partition(" ")
    return f"{UNITS.get(unit, unit)} {rest}"


def title_of(row):
    title = re.sub(r"\bus\b", "µs", row.title)
    return title[0].upper() + title[1:]


def in_chart(figures, row):
    return [figure for figure in figures.measured(row) if figure["contestant"] not in row.aside]


def has_chart(figures, row):
    """A chart is for comparing: with somebody else's figure."""
    kinds = {charts.kind_of(figure["contestant"]) for figure in in_chart(figures, row)}
    return "ours" in kinds and len(kinds) > 1


def cells(figures, row, figure):
    """A contestant's line of a row's table, by column."""
    shown = charts.shown
    counts = figures.counts.get((row.name, figure["contestant"]), {})
    cell = {
        unit_of(row): f"**{shown(figure['median'])}**",
        "least to most": f"{shown(figure['min'])} to {shown(figure['max'])}",
        "ratio": f"{figure['ratio']:.2f} to {figure['reference']}" if "reference" in figure else "",
        "busy": f"{figure['busy']:.0%}" if "busy" in figure else "",
        "p50, p99 in µs": f"{figure['p50_us']:,.0f}, {figure['p99_us']:,.0f}"
                          if "p50_us" in figure else "",
        "system calls": f"{counts['system calls']:.2f}" if "system calls" in counts else "",
        "instructions": f"{counts['instructions']:,.0f}" if "instructions" in counts else "",
        "goal": "",
    }
    if "target_is" in figure:
        ratio = figure["target_is"] == "ratio"
        bound = f"{figure['target']:.2f}" if ratio else shown(figure["target"])
        cell["goal"] = f"at most {bound}: " + ("reached" if figure["reached"] else "**missed**")
    return cell


def table_of(figures, row):
    """The table of a row; columns that nobody fills are left out."""
    lines = [(figure["contestant"], cells(figures, row, figure)) for figure in figures.measured(row)]
    columns = [name for name in lines[0][1] if any(cell[name] for _, cell in lines)]
    out = ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    out += [f"| {name} | " + " | ".join(cell[column] for column in columns) + " |"
            for name, cell in lines]
    return "\n".join(out)


def when(figures, row):
    """When and of what a row was measured."""
    run = figures.runs[row.name]
    rounds = max(len(figure.get("rounds", ())) for figure in figures.measured(row))
    words = [f"{rounds} rounds" if rounds > 1 else "1 round" if rounds else "", run["time"][:10],
             f"commit {(run['commit'] or 'unknown')[:7]}" + (" and changes" if run["changed"] else "")]
    return ", ".join(word for word in words if word)


def row_part(figures, row):
    parts = [f"### {title_of(row)}"]
    if has_chart(figures, row):
        said = charts.said(title_of(row), unit_of(row), in_chart(figures, row))
        parts.append(f"![{said}](charts/{row.name}.svg)")
    parts.append(table_of(figures, row))
    parts += [f"{name}: {reason}." for name, reason in figures.missing(row)]
    parts.append(f"`{row.name}`: {when(figures, row)}.")
    return "\n\n".join(parts)


def runs_part(figures, rows):
    """The machines and the programs of the figures shown, newest run first."""
    runs = {}
    for row in rows:
        run = figures.runs[row.name]
        runs.setdefault(run["time"], (run, []))[1].append(row.name)
    lines = ["| measured | rows | processor | kernel | load before |", "|---|---:|---|---|---:|"]
    ordered = [runs[time] for time in sorted(runs, reverse=True)]
    for run, names in ordered:
        load = f"{run['load']:.1f}" if "load" in run else ""
        lines.append(f"| {run['time'][:16].replace('T', ' ')} UTC | {len(names)} | "
                     f"{run['processor']}, {run['cores']} processors | {run['kernel']} | {load} |")
    newest = ordered[0][0].get("versions", {})
    versions = ", ".join(f"{name} {version}" for name, version in newest.items() if version)
    return "\n".join(lines) + (f"\n\nVersions: {versions}." if versions else "")


PREFACE = """# Benchmarks

Written by `bench/papers.py` from `bench/results/`; `make bench-record` measures and writes it anew.

What is compared is **CPU time an operation**, not throughput: the server's own user and system
time over the operations that the load counted. Server and load have processors of their own on one
machine. The contestants take turns, one measurement each a round; a figure is the median of the
rounds, its spread the least and the most, a ratio the median of the ratios within each round. The
*floor* is the shortest C program that does the same kernel work; peers come from Debian's packages.
*Busy* is the part of the time in which the server ran; one that mostly sleeps pays for being woken,
so compare what was equally busy. System calls and user instructions are those of an operation.
`bench/README.md` says how all this is taken."""


def benchmarks(figures, sections):
    """The text of docs/benchmarks.md."""
    shown = [row for section in sections for row in section.rows if figures.measured(row)]
    if not shown:
        return PREFACE + "\n\nNothing has been measured yet.\n"
    parts = [PREFACE, runs_part(figures, shown)]
    for section in sections:
        there = [row for row in section.rows if row in shown]
        if there:
            parts += [f"## {section.title}", textwrap.fill(section.text, 100)]
            parts += [row_part(figures, row) for row in there]
    return "\n\n".join(parts) + "\n"


def readme_part(figures, rows):
    """The README's images, in words for those who do not see them."""
    return "<p>\n" + "\n".join(
        f'<img src="docs/charts/{row.name}.svg" width="{IMAGE}" alt="'
        + html.escape(charts.said(title_of(row), unit_of(row), in_chart(figures, row))) + '">'
        for row in rows) + "\n</p>"


SITE_HEAD = """<p>CPU time, not throughput: on a shared machine throughput is noise. The floor is the \
shortest C program that does the same kernel work. Bars are medians of rounds in which the \
contestants take turns; the thin line goes from the least to the most. Shorter is better.</p>
<ul class="legend"><li class="ours"><i></i>dure</li><li class="floor"><i></i>the floor</li>\
<li><i></i>others, from packages</li></ul>
<div class="charts">"""


def site_part(figures, rows):
    """The charts in line, in the page's own colours."""
    if not rows:
        return "<p>They appear here after <code>make bench-record</code>.</p>"
    parts = [SITE_HEAD]
    for row in rows:
        title, unit = title_of(row), unit_of(row)
        parts += [f'<figure class="chart"><figcaption><h3>{html.escape(title)}</h3>'
                  f'<p class="unit">{html.escape(unit)}</p></figcaption>',
                  charts.draw(title, unit, in_chart(figures, row), alone=False), "</figure>"]
    return "\n".join([*parts, "</div>"])


def replace(path, part):
    """Puts a part between the two markers of a file."""
    text, found = re.subn(r"(<!-- charts:begin -->).*?(<!-- charts:end -->)",
                          lambda m: f"{m.group(1)}\n{part}\n{m.group(2)}",
                          path.read_text(encoding="utf-8"), flags=re.S)
    if found != 1:
        sys.exit(f"{path}: the markers charts:begin and charts:end are missing")
    path.write_text(text, encoding="utf-8")


def write_charts(folder, figures, rows):
    """A file a chart; those of rows that are no more go."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        chart = charts.draw(title_of(row), unit_of(row), in_chart(figures, row), alone=True)
        (folder / f"{row.name}.svg").write_text(chart + "\n", encoding="utf-8")
    names = {f"{row.name}.svg" for row in rows}
    for path in folder.glob("*.svg"):
        if path.name not in names:
            path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--results", default=f"{HERE}/results")
    parser.add_argument("--root", default=HERE.parent, type=pathlib.Path)
    args = parser.parse_args()
    figures = Figures(sorted(glob.glob(os.path.join(args.results, "*.jsonl"))))
    sections = table.all_sections()
    rows = [row for section in sections for row in section.rows]
    drawn = {row.name: row for row in rows if has_chart(figures, row)}
    write_charts(args.root / "docs" / "charts", figures, drawn.values())
    (args.root / "docs" / "benchmarks.md").write_text(benchmarks(figures, sections),
                                                      encoding="utf-8")
    for path, part, names in ((args.root / "README.md", readme_part, README),
                              (args.root / "site" / "index.html", site_part, SITE)):
        replace(path, part(figures, [drawn[name] for name in names if name in drawn]))
    measured = sum(bool(figures.measured(row)) for row in rows)
    print(f"docs/benchmarks.md: {measured} of {len(rows)} rows, {len(drawn)} charts")
    for row in rows:
        if not figures.measured(row):
            print(f"  not measured yet: {row.name}")


if __name__ == "__main__":
    main()
