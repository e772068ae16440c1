#!/usr/bin/env python3
"""The generator of the papers (bench/papers.py), from results made up here; and that the papers as
they are name only rows that there are.

check_papers.py SOURCE_ROOT
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True

import charts  # noqa: E402
import rows as table  # noqa: E402
from kinds import Absent  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def machine(day, **more):
    return {"record": "machine", "time": f"2026-01-{day:02}T10:00:00+00:00", "processor": "A <chip>",
            "cores": 4, "kernel": "6.1", "commit": f"{day:07}abc", "changed": False, "load": 0.1,
            "versions": {"gcc": "12.2.0", "nginx": None}, **more}


def figure(row, contestant, median, **more):
    return {"record": "figure", "row": row, "contestant": contestant, "median": median,
            "min": median * 0.9, "max": median * 1.1, "rounds": [median] * 5, **more}


RUNS = {
    "2026-01-01T100000": [
        machine(1),
        figure("yield", "two bare switches", 8.0),
        figure("yield", "dure", 99.0),
        figure("spawn-1000", "dure", 30.0, target=35, target_is="value", reached=True),
        figure("spawn-1000", "Go", 140.0, reference="dure", ratio=4.67),
        {"record": "figure", "row": "spawn-1000", "contestant": "tokio", "skipped": "there is none"},
        figure("echo-64", "dure io_uring", 4.5, busy=0.97, p50_us=12, p99_us=80),
        figure("echo-64", "floor epoll", 4.4),
        figure("a-row-of-old", "dure", 1.0),
        figure("spawn-1000", "a contestant of old", 1.0),
    ],
    "2026-01-02T100000": [
        machine(2),
        figure("yield", "two bare switches", 7.9),
        figure("yield", "dure", 12.25),
        {"record": "count", "row": "echo-64", "contestant": "dure io_uring", "unit": "system calls",
         "value": 0.125},
    ],
    # Neither counts: a first look, and half a row.
    "2026-01-03T100000": [machine(3, quick=True), figure("yield", "dure", 55.5)],
    "2026-01-04T100000": [machine(4, only="dure"), figure("yield", "dure", 66.6)],
}


def write_papers(folder, runs):
    """Runs the generator on made-up results, in copies of the files that it writes into."""
    results = folder / "results"
    results.mkdir()
    for name, records in runs.items():
        (results / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    for name in ("README.md", "site/index.html"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "docs" / "charts").mkdir(parents=True)
    (folder / "docs" / "charts" / "a-row-of-old.svg").write_text("<svg/>")
    subprocess.run([sys.executable, "-B", ROOT / "bench" / "papers.py", "--results", results,
                    "--root", folder], check=True, stdout=subprocess.DEVNULL)


class Papers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        write_papers(cls.folder, RUNS)
        cls.text = (cls.folder / "docs" / "benchmarks.md").read_text()

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def part(self, row):
        """What is said of a row: from its title to its name."""
        parts = re.split(r"^### ", self.text, flags=re.M)
        return next(part for part in parts if f"`{row}`:" in part)

    def test_newest_whole_measurement_of_a_row_counts(self):
        part = self.part("yield")
        self.assertIn("**12.2**", part)
        self.assertIn("2026-01-02, commit 0000002", part)
        for old in ("99", "55.5", "66.6"):
            self.assertNotIn(old, part)

    def test_rows_of_an_older_run_stay(self):
        self.assertIn("2026-01-01, commit 0000001", self.part("spawn-1000"))

    def test_goal_ratio_and_who_is_missing(self):
        part = self.part("spawn-1000")
        self.assertIn("at most 35.0: reached", part)
        self.assertIn("4.67 to dure", part)
        self.assertIn("tokio: there is none.", part)
        self.assertIn("Boost.Fiber: not measured yet.", part)

    def test_counts_and_latencies_join_their_row(self):
        part = self.part("echo-64")
        self.assertIn("| 0.12 |", part)
        self.assertIn("| 97% | 12, 80 |", part)

    def test_what_is_no_more_is_left_out(self):
        for text in (self.text, (self.folder / "README.md").read_text()):
            self.assertNotIn("of old", text)
        self.assertFalse((self.folder / "docs/charts/a-row-of-old.svg").exists())

    def test_machine_and_versions(self):
        self.assertIn("A <chip>, 4 processors", self.text)
        self.assertIn("Versions: gcc 12.2.0.", self.text)

    def test_charts_are_named_and_there(self):
        for place, pattern in (("docs/benchmarks.md", r"\]\(charts/([^)]*)\)"),
                               ("README.md", r'src="docs/charts/([^"]*)"')):
            named = re.findall(pattern, (self.folder / place).read_text())
            self.assertTrue(named, place)
            for name in named:
                self.assertTrue((self.folder / "docs/charts" / name).exists(), name)

    def test_charts_hold_their_figures_within_their_paper(self):
        for path in (self.folder / "docs/charts").glob("*.svg"):
            svg = xml.parse(path).getroot()
            bars = [r for r in svg.iter(f"{SVG}rect") if "bar" in r.get("class")]
            self.assertEqual(len(bars), 2, path)
            for bar in bars:
                self.assertGreater(float(bar.get("width")), 1)
                self.assertLess(float(bar.get("x")) + float(bar.get("width")), charts.WIDTH)
            for text in svg.iter(f"{SVG}text"):
                size = charts.width_of(text.text)
                begin = float(text.get("x")) - (size if text.get("text-anchor") == "end" else 0)
                self.assertGreaterEqual(begin, 0, text.text)
                self.assertLessEqual(begin + size, charts.WIDTH, text.text)

    def test_site_shows_charts(self):
        page = (self.folder / "site/index.html").read_text()
        self.assertIn(">12.2</text>", page)
        self.assertEqual(page.count("<figure class=\"chart\">"), 3)

    def test_nothing_measured_is_said(self):
        with tempfile.TemporaryDirectory() as scratch:
            write_papers(pathlib.Path(scratch), {})
            text = (pathlib.Path(scratch) / "docs/benchmarks.md").read_text()
            self.assertIn("Nothing has been measured yet.", text)


class Table(unittest.TestCase):
    def test_rows_have_names_of_their_own(self):
        names = [row.name for row in table.all_rows()]
        self.assertEqual(len(names), len(set(names)))

    def test_targets_and_asides_are_contestants(self):
        for row in table.all_rows():
            named = {*row.targets, *row.aside}
            named.update(name for target in row.targets.values() for name in target.references)
            self.assertLessEqual(named, set(row.contestants), row.name)

    def test_contestants_have_sources(self):
        for row in table.all_rows(build="build"):
            for name, command in row.contestants.items():
                program = not isinstance(command, Absent) and re.fullmatch(
                    r"build/bench/(?:(floor|dure|micro)-|peers/peer-(\w+)-)(\w+)", command[0])
                if program:
                    ours, peer, source = program.groups()
                    folder = ROOT / "bench" / (ours or f"peers/{peer}")
                    self.assertTrue(any(folder.rglob(f"{source}.*")), f"{row.name}: {name}")

    def test_titles_fit_their_charts(self):
        for row in table.all_rows():
            if len({charts.kind_of(name) for name in row.contestants}) > 1:
                room = charts.WIDTH - 2 * charts.PAD
                self.assertLessEqual(len(row.title) * charts.TITLE, room, row.name)

    def test_papers_name_only_rows_that_there_are(self):
        names = {row.name for row in table.all_rows()}
        text = (ROOT / "docs/benchmarks.md").read_text()
        self.assertLessEqual(set(re.findall(r"^`([^`]+)`: ", text, re.M)), names)
        drawn = {path.stem for path in (ROOT / "docs/charts").glob("*.svg")}
        self.assertLessEqual(drawn, names)


if __name__ == "__main__":
    unittest.main(verbosity=2)
