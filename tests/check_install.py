#!/usr/bin/env python3
"""Installs into a folder and builds a program against what is there.

check_install.py BUILD README

The program finds the library by pkg-config alone, once shared and once static,
and runs. So does README's example, in each language and with each compiler that
is here: it serves, and a stop signal ends it. The command says its version.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

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


# What README's example is compiled as. C++17 lacks compound literals.
LANGUAGES = [
    ("gcc", "c99"), ("gcc", "c11"), ("clang", "c99"), ("clang", "c11"),
    ("g++", "c++17"), ("clang++", "c++17"),
]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def check(what, good):
    print(f"{what}: {'ok' if good else 'FAILED'}")
    return 0 if good else 1


def readme_example(readme, port):
    """README's first C program as C and as C++, on a port of its own."""
    c = re.search(r"```c\n(.*?)```", readme.read_text(), re.S).group(1)
    c = c.replace('"0.0.0.0", 7000', f'"127.0.0.1", {port}')
    literal = re.search(r"&\(dure_scope_options\)\{(.*?)\}", c, re.S)
    fields = "".join(f"    options{field.strip()};\n" for field in literal.group(1).split(","))
    cxx = c.replace(literal.group(0), "&options")
    cxx = cxx.replace("    dure_scope conns;\n\n",
                      f"    dure_scope conns;\n    dure_scope_options options = {{}};\n\n{fields}")
    return {"c": c, "c++": cxx}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def echoes(program, port, environment):
    """Starts the echo server, sends it something, and stops it."""
    server = subprocess.Popen([program], env=environment)
    try:
        while True:
            try:
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                break
            except ConnectionRefusedError:
                if server.poll() is not None:
                    return False
                time.sleep(0.01)
        with client:
            client.sendall(b"read me")
            said = client.recv(100)
        server.send_signal(signal.SIGINT)
        return said == b"read me" and server.wait(30) == 0
    finally:
        server.kill()
        server.wait()


def check_readme(readme, scratch, shared, static, environment):
    port = free_port()
    example = readme_example(readme, port)
    faults = 0
    for compiler, standard in LANGUAGES:
        if not shutil.which(compiler):
            print(f"README's example by {compiler}: not here")
            continue
        cxx = "++" in standard
        source = scratch / ("readme.cpp" if cxx else "readme.c")
        source.write_text(example["c++" if cxx else "c"])
        for kind, flags in (("shared", shared), ("static", static)):
            program = scratch / "readme"
            run(compiler, f"-std={standard}", "-Wall", "-pedantic", "-Werror", source, "-o", program,
                *flags)
            faults += check(f"README's example, {compiler} {standard}, {kind}",
                            echoes(program, port, environment))
    return faults


def check_program(scratch, shared, static, environment):
    source = scratch / "program.c"
    source.write_text(PROGRAM)
    faults = 0
    for kind, flags in (("shared", shared), ("static", static)):
        run("cc", "-std=c99", source, "-o", scratch / kind, *flags)
        faults += check(f"a program with the {kind} library",
                        run(scratch / kind, env=environment).endswith(": 42\n"))
    faults += check("its soname", "libdure.so.0]" in run("readelf", "-d", scratch / "shared"))
    faults += check("the static one needs none",
                    "libdure" not in run("readelf", "-d", scratch / "static"))
    return faults


def main():
    build, readme = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="dure-install-") as name:
        scratch = pathlib.Path(name)
        root = scratch / "root"
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root)

        pc = next(root.rglob("dure.pc"))
        environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root),
                       "PKG_CONFIG_PATH": str(pc.parent)}
        shared = run("pkg-config", "--cflags", "--libs", "dure", env=environment).split()
        more = run("pkg-config", "--static", "--libs", "dure", env=environment).split()
        static = [*[f for f in shared if f != "-ldure"], "-Wl,-Bstatic", "-ldure", "-Wl,-Bdynamic",
                  *[f for f in more if f != "-ldure"]]
        libdir = next(root.rglob("libdure.so.0")).parent
        environment = {**os.environ, "LD_LIBRARY_PATH": str(libdir)}

        faults = check_program(scratch, shared, static, environment)
        faults += check_readme(readme, scratch, shared, static, environment)
        for command in root.rglob("bin/dure"):
            faults += check("the command", "0.1" in run(command, "--version"))
        for page in ("man3/dure_read.3", "man7/dure.7"):
            faults += check(f"the manual page {page}", list(root.rglob(page)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
