#!/usr/bin/env python3
"""Runs dure compare with experiments whose figures are known, and reads its reports.

test_compare.py reports FAKE     options, tables, JSON, the page's source, Ctrl-C
test_compare.py page FAKE        the page in a browser; status 77 without Chromium
"""
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import page

CHARTS = ["servers-cpu", "servers-rate", "servers-threads", "waits-cpu", "waits-latency",
          "waits-calls"]
WORKING = ["servers", "waits"]


class Tests:
    def __init__(self, fake, folder):
        self.fake = fake
        self.folder = folder

    def run(self, *arguments):
        return subprocess.run([self.fake, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, cwd=self.folder)

    def json_of(self, *arguments):
        path = self.folder / "figures.json"
        done = self.run("--json", str(path), *arguments)
        assert done.returncode == 0, done
        return json.loads(path.read_text())

    def check_help(self):
        done = self.run("--help")
        assert done.returncode == 0 and done.stderr == "", done
        for word in ["servers", "waits", "--quick", "--json", "--html", "--rounds", "--seconds"]:
            assert word in done.stdout, word

    def check_bad_arguments(self):
        for arguments, words in [
                (["swings"], 'there is no experiment "swings"'),
                (["waits", "swings"], 'there is no experiment "swings"'),
                (["--rounds", "0"], "--rounds takes a number from 1"),
                (["--rounds", "3x"], 'not "3x"'),
                (["--seconds", ""], "--seconds takes a number from 1"),
                (["--seconds", "-1"], 'not "-1"'),
                (["--html"], "requires an argument"),
                (["--fast"], "unrecognized option"),
                (["--json", "-", "--html", "-"], "one of --json and --html"),
        ]:
            done = self.run(*arguments)
            assert done.returncode == 2, (arguments, done)
            assert words in done.stderr and "dure compare" in done.stderr, (arguments, done)
            assert done.stdout == "", (arguments, done)

    def check_file_that_cannot_be_written(self):
        for option in ["--json", "--html"]:
            done = self.run(option, "/nowhere/at/all", "waits")
            assert done.returncode == 1 and "cannot write /nowhere/at/all" in done.stderr, done
            assert "round" not in done.stderr, "it was found out after the measurements"
        if pathlib.Path("/dev/full").exists():
            done = self.run("--json", "/dev/full", "waits")
            assert done.returncode == 1 and "not complete" in done.stderr, done

    def check_tables(self):
        done = self.run(*WORKING)
        assert done.returncode == 0, done
        for line in done.stdout.splitlines():
            assert len(line) <= 80, line
        assert "\033" not in done.stdout and "█" not in done.stdout, "this is no terminal"
        cells = re.search(r"^forking +(.*)$", done.stdout, re.M).group(1)
        assert re.split(r"  +", cells) == ["192 µs", "213 µs", "237 µs", "263 µs", "—"], cells
        told = " ".join(done.stdout.split())
        assert "— forking and tasks (select) at 4,096 connections: at most 512 at a time" in told
        assert "— iterative at 8, 64, 512, 4,096 connections: one at a time" in told
        assert re.search(r"^threaded .* 61.4 µs!$", done.stdout, re.M)
        assert "the client used 97 % of its processor" in done.stdout
        assert "servers: round 3 of 3" in done.stderr, done.stderr

    def check_sentences(self):
        told = " ".join(self.run(*WORKING).stdout.split())
        for sentence in [
                "At 4,096 connections the lowest is tasks (io_uring) with 9.84 µs; next is "
                "tasks (epoll) with 12.0 µs (1.2 times), and the highest is threaded with "
                "61.4 µs (6.2 times).",
                "iterative, forking and tasks (select) have no figures at 4,096 connections.",
                "The hook sees 5 marks of threaded, the first at 99.8/s <&>.",
                "the lowest are tasks (io_uring), tasks (epoll) and tasks (poll) with 4; the "
                "highest is threaded with 4,097 (1,024 times).",
                "polled grows in proportion, O(n), up to 7,561 times; epoll (level-triggered), "
                "epoll (edge-triggered) and 6 others stay within 1.3 times, O(1).",
        ]:
            assert sentence in told, sentence

    def check_terminal(self):
        """On a terminal there are bars, and a line of progress that is taken away again."""
        master, slave = pty.openpty()
        with subprocess.Popen([self.fake, "waits"], stdout=slave, stderr=slave) as program:
            os.close(slave)
            parts = []
            try:
                while part := os.read(master, 65536):
                    parts.append(part)
            except OSError:
                pass  # the other side has closed
            os.close(master)
        text = b"".join(parts).decode()
        assert program.returncode == 0, text
        assert "█" in text and "waits 1/126" in text and " left" in text, text
        for line in re.sub(r"\033\[[0-9]*[mK]", "", text).replace("\n", "\r").split("\r"):
            assert len(line) <= 80, line

    def check_json(self):
        data = self.json_of(*WORKING)
        assert data["interrupted"] is False
        assert {"processor", "kernel", "libc", "compiler", "dure", "limits", "load before", "load after",
                "dure's backends"} <= set(data["machine"]), data["machine"]
        servers = data["experiments"]["servers"]
        assert servers["complete"] is True and servers["failures"] == []
        assert servers["settings"] == {"clients": "4096 tasks on processors 2 and 3"}
        assert servers["metrics"]["threads"]["unit"] == "count"
        assert len(servers["points"]) == 9 * 5 * 2
        places = {(p["series"], p["x"], p["labels"]["handler"]): p for p in servers["points"]}
        one = places["preforked", 1, "at once"]
        assert one["labels"] == {"handler": "at once", "connection": "keep-alive"}
        for sample, part in zip(one["figures"]["cpu_ns_per_request"]["samples"], [1, -1, .3]):
            assert abs(sample - 16500 * (1 + 0.03 * part)) < 0.1, one
        assert abs(one["figures"]["cpu_ns_per_request"]["median"] - 16500 * 1.009) < 0.1
        refused = places["forking", 4096, "at once"]
        assert refused["refused"] == ["at most 512 at a time"] and refused["figures"] == {}
        assert places["threaded", 4096, "at once"]["doubtful"] == [
            "the client used 97 % of its processor"]

    def check_json_on_standard_output(self):
        done = self.run("--json", "-", "waits")
        assert done.returncode == 0, done
        assert list(json.loads(done.stdout)["experiments"]) == ["waits"]

    def check_rounds(self):
        for arguments, rounds in [(["--rounds", "5"], 5), (["--quick"], 2), ([], 3)]:
            point = self.json_of("waits", *arguments)["experiments"]["waits"]["points"][0]
            assert len(point["figures"]["latency_ns"]["samples"]) == rounds, arguments

    def check_order_is_that_of_the_table(self):
        data = self.json_of("waits", "servers", "waits")
        assert list(data["experiments"]) == ["servers", "waits"]

    def check_file_is_replaced_at_the_end(self):
        path = self.folder / "old.json"
        path.write_text("x" * 1000000)
        assert self.run("--json", str(path), "swings").returncode == 2
        assert path.read_text() == "x" * 1000000
        assert self.run("--json", str(path), "waits").returncode == 0
        json.loads(path.read_text())

    def check_failed_experiment(self):
        done = self.run("--json", "f.json", "--html", "f.html")
        assert done.returncode == 1, done
        assert "FAILED: nothing works here" in done.stdout
        data = json.loads((self.folder / "f.json").read_text())
        assert data["experiments"]["broken"]["failures"] == [
            'nothing works here: "quoted" </script> & more']
        assert data["experiments"]["broken"]["complete"] is False
        assert data["experiments"]["waits"]["complete"] is True
        page.read(self.folder / "f.html")

    def check_page_source(self):
        assert self.run("--html", "r.html", "--json", "r.json", *WORKING).returncode == 0
        found = page.read(self.folder / "r.html")
        data = json.loads((self.folder / "r.json").read_text())
        assert found.data["experiments"].keys() == data["experiments"].keys()
        for name, experiment in data["experiments"].items():
            assert found.data["experiments"][name]["points"] == experiment["points"]
        assert list(found.charts) == CHARTS, found.charts
        for name, chart in found.charts.items():
            assert len(chart.sentences) == 3, (name, chart.sentences)
        # Nine servers at five places; 4 + 1 + 1 were refused. Once wide, once narrow.
        assert found.charts["servers-cpu"].marks == 2 * (45 - 6)
        assert found.charts["servers-threads"].marks == 2 * 6
        assert found.charts["waits-latency"].marks == 2 * (14 * 3 - 2)

    def interrupt(self, number, sent):
        """Interrupts the run when it is at a measurement. Returns: its JSON."""
        environment = {**os.environ, "FAKE_STOP": str(number)}
        with subprocess.Popen([self.fake, "--json", "i.json", "--html", "i.html", *WORKING],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=self.folder, env=environment) as program:
            while "waiting" not in (line := program.stderr.readline()):
                assert line, "it has ended"
            program.send_signal(sent)
            out, _ = program.communicate(timeout=60)
        assert program.returncode == 0, program.returncode
        assert "interrupted" in out, out
        found = page.read(self.folder / "i.html")
        assert "The run was interrupted" in found.text
        data = json.loads((self.folder / "i.json").read_text())
        assert data["interrupted"] is True
        return data["experiments"], found

    def check_interruption(self):
        experiments, found = self.interrupt(100, signal.SIGINT)
        assert list(experiments) == ["servers"] and not experiments["servers"]["complete"]
        assert found.charts["servers-cpu"].marks > 0
        experiments, found = self.interrupt(1, signal.SIGTERM)
        assert experiments["servers"]["points"] == [] and not found.charts
        experiments, found = self.interrupt(270 + 20, signal.SIGINT)
        assert experiments["servers"]["complete"] and not experiments["waits"]["complete"]
        assert "waits-cpu" in found.charts


def report(folder, fake):
    tests = Tests(fake, folder)
    failed = 0
    for name in [name for name in dir(Tests) if name.startswith("check_")]:
        try:
            getattr(tests, name)()
            print(f"ok: {name[6:].replace('_', ' ')}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED: {name[6:].replace('_', ' ')}: {error!r}", flush=True)
    return 1 if failed else 0


def in_browser(folder, fake):
    browser = shutil.which("chromium")
    if not browser:
        print("skipped: the page is not looked at: chromium is not installed")
        return 77
    subprocess.run([fake, "--html", "r.html", *WORKING], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for width in (1280, 1155, 870, 860, 400):
        for faults in page.look(browser, folder / "r.html", width, CHARTS):
            print(f"{width} pixels wide: {faults}")
            return 1
    return 0


def main():
    what, fake = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    with tempfile.TemporaryDirectory(prefix="dure-compare-") as folder:
        run = in_browser if what == "page" else report
        return run(pathlib.Path(folder), fake)


if __name__ == "__main__":
    sys.exit(main())
