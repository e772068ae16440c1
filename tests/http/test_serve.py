#!/usr/bin/env python3
"""Drives `dure serve` from outside, as its clients do, and as its enemies do.

usage: test_serve.py [PROGRAM] [--model MODEL] [NAME...]

PROGRAM is build/dure unless given; NAMEs choose tests. DURE_BACKEND and DURE_LOOPS are passed
on. Prints TAP and exits non-zero when a test failed.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
import traceback

import harness
from harness import Server, Skip, make_site

# Each registers its tests, in this order.
import serve_files  # noqa: F401
import serve_changes  # noqa: F401
import serve_ranges  # noqa: F401
import serve_protocol  # noqa: F401
import serve_stress
import serve_program  # noqa: F401
import serve_models  # noqa: F401


def main():
    names = sys.argv[1:]
    if names and os.path.sep in names[0]:
        harness.program = names.pop(0)
    else:
        harness.program = os.path.join(os.path.dirname(__file__), "..", "..", "build", "dure")
    if names[:1] == ["--model"]:
        harness.model, names = names[1], names[2:]
        harness.served_at_once = 200 if harness.model != "iterative" else 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    chosen = [t for t in harness.tests if not names or t.__name__ in names]
    failed = 0
    top = tempfile.mkdtemp(prefix="dure-serve-")
    os.chmod(top, 0o755)  # a server may run as somebody else
    print(f"1..{len(chosen)}")
    try:
        with Server(make_site(top)) as server:
            if harness.model != "iterative":
                serve_stress.start_waiting(server, chosen)
            for number, function in enumerate(chosen, 1):
                name = function.__name__.replace("_", " ")
                start = time.time()
                try:
                    function(top, server)
                    print(f"ok {number} - {name} ({time.time() - start:.1f} s)", flush=True)
                except Skip as why:
                    print(f"ok {number} - {name} # SKIP {why}", flush=True)
                except Exception:
                    failed += 1
                    print(f"not ok {number} - {name}", flush=True)
                    for line in traceback.format_exc().splitlines():
                        print("# " + line, flush=True)
            status, out, err = server.stop()
            if status != 0 or err:
                failed += 1
                print(f"# the server ended with {status}: {err.decode(errors='replace')}")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"# {len(chosen) - failed} of {len(chosen)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
