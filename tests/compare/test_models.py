#!/usr/bin/env python3
"""dure compare models: no figure is asserted, but what no machine can change.

test_models.py PROGRAM
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MARK = "DURE_TEST_MARK"
SERIES = ["iterative", "forking", "preforked", "threaded", "prethreaded"]
BACKENDS = ["io_uring", "epoll", "poll", "select"]


def marked(mark):
    """The processes with the mark in their environment, this one's descendants."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if f"{MARK}={mark}".encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass  # it has ended
    return found


def start(folder, *arguments):
    mark = os.path.basename(folder)
    path = os.path.join(folder, "figures.json")
    process = subprocess.Popen([program, "compare", "--json", path, *arguments, "models"],
                               env={**os.environ, MARK: mark}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    return process, mark, path


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            process, mark, path = start(folder, "--quick", "--rounds", "1", "--seconds", "20")
            cls.out, cls.err = process.communicate(timeout=150)
            cls.status, cls.left = process.returncode, marked(mark)
            with open(path) as f:
                cls.points = json.load(f)["experiments"]["models"]["points"]

    def find(self, series, handler, connection, x):
        for point in self.points:
            if (point["series"], point["x"]) == (series, x) and \
                    list(point["labels"].values()) == [handler, connection]:
                return point
        self.fail(f"no point {series}, {x}")

    def value(self, point, figure):
        self.assertIn(figure, point["figures"], point)
        return point["figures"][figure]["median"]

    def test_ends_well_and_leaves_nothing(self):
        self.assertEqual((self.status, self.left), (0, []), self.err)

    def test_everybody_has_figures_or_says_why_not(self):
        for series in SERIES + [f"tasks ({b})" for b in BACKENDS]:
            points = [p for p in self.points if p["series"] == series]
            self.assertEqual(len(points), 5, series)
            for point in points:
                self.assertTrue("cpu_ns_per_request" in point["figures"] or point["refused"], point)

    def test_iterative_holds_one_connection(self):
        point = self.find("iterative", "answers at once", "keep-alive", 8)
        self.assertEqual(point["refused"], ["1 of 8 connections were served"])

    def test_pool_holds_as_many_as_it_is_large(self):
        point = self.find("preforked", "answers at once", "keep-alive", 512)
        self.assertEqual(point["refused"], ["64 of 512 connections were served"])

    def test_every_answer_was_right(self):
        for point in self.points:
            if "keep-alive" in point["labels"].values() and not point["refused"]:
                self.assertEqual(self.value(point, "errors"), 0, point)

    def test_waiting_takes_its_time(self):
        for point in self.points:
            if "waits 10 ms" in point["labels"].values() and "latency_p50_ns" in point["figures"]:
                self.assertGreaterEqual(self.value(point, "latency_p50_ns"), 9.8e6, point)

    def test_quantiles_rise(self):
        for point in self.points:
            if "latency_p50_ns" in point["figures"]:
                p50, p99, p999 = (self.value(point, f"latency_{p}_ns") for p in ("p50", "p99", "p999"))
                self.assertTrue(0 < p50 <= p99 <= p999, point)

    def test_one_at_a_time_cannot_keep_up(self):
        """A hundred a second is all that one who waits 10 ms for each can do."""
        point = self.find("iterative", "waits 10 ms", "2,000 a second", 64)
        self.assertIn("could not keep up with 2,000 requests a second", point["doubtful"] + point["refused"])

    def test_processes_and_threads_are_the_model_s(self):
        for series, processes, threads in (("forking", 9, 9), ("preforked", 65, 65), ("threaded", 1, 9),
                                           ("prethreaded", 1, 257)):
            point = self.find(series, "answers at once", "keep-alive", 8)
            self.assertEqual(self.value(point, "processes"), processes, point)
            self.assertEqual(self.value(point, "threads"), threads, point)
        point = self.find("tasks (epoll)", "answers at once", "keep-alive", 512)
        self.assertEqual(self.value(point, "processes"), 1)
        self.assertLess(self.value(point, "threads"), 100)

    def test_interrupted_it_ends_with_what_it_has(self):
        with tempfile.TemporaryDirectory() as folder:
            process, mark, path = start(folder)
            end = time.monotonic() + 60
            while len(marked(mark)) < 3:  # it, a server and its clients
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            self.assertEqual(marked(mark), [])
            with open(path) as f:
                self.assertTrue(json.load(f)["interrupted"])


if __name__ == "__main__":
    program = os.path.abspath(sys.argv.pop(1))
    unittest.main()
