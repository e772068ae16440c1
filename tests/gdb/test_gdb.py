#!/usr/bin/env python3
"""gdb's bt goes through a task down to where it began.

test_gdb.py PROGRAM
  In a task that runs; at each instruction of the switch that parks one; in one that is
  parked, from the registers that the switch has saved. And a dump called from gdb lists
  the parked one. Status 77 where there is no gdb or it may not trace.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import unittest

# More instructions than parking has: the last of them belong to what runs next.
STEPS = 120

# What the switch keeps of a task, as struct context of src/task/arch/x86_64.h names it.
KEPT = {"rsp": "sp", "rbp": "fp", "rip": "pc"}

ENTRY = ["task_main", "context_entry"]


def mark(name, *commands):
    """Commands for gdb whose output is to be found by name."""
    return [f"echo \\n== {name}\\n", *commands]


def commands():
    script = ["set pagination off", "set confirm off", "set width 0", "set print frame-arguments none",
              "break waits_inside", "break stop_here", "run",
              "break *task_park", "continue", "set $wait = (struct wait *)$rdi", "delete 3"]
    for i in range(STEPS):
        script += mark(f"step {i}", "bt", "stepi")
    script += ["continue"]
    script += mark("running", "bt")
    script += mark("dump", "call (int)dure_dump(1)")
    script += [f"set $keep_{name} = ${name}" for name in KEPT]
    script += [f"set ${name} = $wait->task->fiber.context.{field}" for name, field in KEPT.items()]
    script += mark("parked", "bt")
    script += [f"set ${name} = $keep_{name}" for name in KEPT]
    script += mark("end", "continue")
    return script


def run_gdb(program):
    """Returns gdb's output by mark, or None and why it cannot be had."""
    arguments = [word for command in commands() for word in ("-ex", command)]
    done = subprocess.run(["gdb", "-batch", "-nx", *arguments, program], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100,
                          env={**os.environ, "DURE_LOOPS": "1", "DEBUGINFOD_URLS": ""})
    if re.search(r"ptrace: |Could not trace|not permitted", done.stdout) and "== end" not in done.stdout:
        return None, "gdb may not trace here"
    parts = re.split(r"^== (.*)$", done.stdout, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2])), done.stdout


def frames(text):
    """The functions of a trace, innermost first."""
    return re.findall(r"^#\d+\s+(?:0x[0-9a-f]+ in )?(\w+) ", text, re.M)


class Gdb(unittest.TestCase):
    maxDiff = None

    def check_whole(self, text):
        for bad in ("Backtrace stopped", "corrupt", "??"):
            self.assertNotIn(bad, text)

    def test_running_task(self):
        self.check_whole(output["running"])
        self.assertEqual(frames(output["running"]), ["stop_here", "runs_inside", "runs", *ENTRY])

    def test_each_instruction_of_the_switch(self):
        traces = []
        for i in range(STEPS):
            text = output[f"step {i}"]
            self.check_whole(text)
            traces.append(frames(text))
            # In a task, or in the loop that goes on after it.
            self.assertIn(traces[-1][-1], ("context_entry", "main", "_start"), text)
        self.assertEqual(traces[0][0], "task_park")
        self.assertEqual(traces[0][-4:], ["waits_inside", "waits", *ENTRY])
        self.assertNotIn("waits", traces[-1], "the task was not left")

    def test_parked_task(self):
        self.check_whole(output["parked"])
        self.assertEqual(frames(output["parked"])[-4:], ["waits_inside", "waits", *ENTRY])

    def test_dump_called_from_gdb(self):
        self.assertIn("waits in read on descriptor", output["dump"])
        self.assertIn("waits_inside+0x", output["dump"])

    def test_program_goes_on_afterwards(self):
        self.assertIn("exited normally", output["end"])


if __name__ == "__main__":
    if not shutil.which("gdb"):
        print("gdb is not installed")
        sys.exit(77)
    if platform.machine() != "x86_64":
        print("the saved registers of a parked task are known here for x86-64 only")
        sys.exit(77)
    output, said = run_gdb(sys.argv.pop())
    if output is None:
        print(said)
        sys.exit(77)
    if "end" not in output:
        sys.exit(f"gdb did not come to the end:\n{said}")
    unittest.main()
