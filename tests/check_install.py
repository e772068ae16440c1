#!/usr/bin/env python3
"""Installs into a folder and builds a program against what is there.

check_install.py BUILD

The program finds the library by pkg-config alone, once shared and once static,
and runs. The command says its version.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

PROGRAM = r"""
#include <stdio.h>
#include <dure.h>

static int say(void *arg)
{
    dure_yield();
    printf("hello from a task on %s: %d\n", dure_backend_name(), *(int *)arg);
    return 0;
}

static int run(void *arg)
{
    dure_scope scope;
    int number = 42;

    (void)arg;
    dure_scope_open(&scope);
    if (dure_spawn(&scope, say, &number, sizeof number) < 0)
        dure_scope_cancel(&scope);
    return dure_scope_close(&scope);
}

int main(void) { return dure_run(run, NULL) != 0; }
"""


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def check(what, good):
    print(f"{what}: {'ok' if good else 'FAILED'}")
    return 0 if good else 1


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="dure-install-") as scratch:
        root = pathlib.Path(scratch, "root")
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root)

        pc = next(root.rglob("dure.pc"))
        environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root),
                       "PKG_CONFIG_PATH": str(pc.parent)}
        flags = run("pkg-config", "--cflags", "--libs", "dure", env=environment).split()
        more = run("pkg-config", "--static", "--libs", "dure", env=environment).split()
        libdir = next(root.rglob("libdure.so.0")).parent

        source = pathlib.Path(scratch, "program.c")
        source.write_text(PROGRAM)
        shared, static = pathlib.Path(scratch, "shared"), pathlib.Path(scratch, "static")
        cc = ["cc", "-std=c99", source]
        run(*cc, "-o", shared, *flags)
        run(*cc, "-o", static, *[f for f in flags if f != "-ldure"], "-Wl,-Bstatic", "-ldure",
            "-Wl,-Bdynamic", *[f for f in more if f != "-ldure"])

        said = run(shared, env={**os.environ, "LD_LIBRARY_PATH": str(libdir)})
        faults = check("a program with the shared library", said.endswith(": 42\n"))
        faults += check("a program with the static library", run(static).endswith(": 42\n"))
        for command in root.rglob("bin/dure"):
            faults += check("the command", "0.1" in run(command, "--version"))
        needed = run("readelf", "-d", shared)
        faults += check("its soname", "libdure.so.0]" in needed)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
