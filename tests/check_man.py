#!/usr/bin/env python3
"""Checks the manual pages.

check_man.py names ROOT BUILD
  Every exported symbol has a page that names it, and dure(7) leads to it; dure(7) names
  every environment variable that the library reads; dure(1) every option of the command.
check_man.py lint ROOT BUILD
  mandoc warns of nothing, and no line is wider than 80 columns. Status 77 without mandoc.
"""
import pathlib
import re
import shutil
import subprocess
import sys

WIDTH = 80


def output_of(*command):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


def page_of(build, name):
    """The page of a name, through at most one reference; None if there is none."""
    path = build / "man" / f"{name}.3"
    if not path.exists():
        return None
    reference = re.fullmatch(r"\.so man3/(\S+)\n", path.read_text())
    return build / "man" / reference.group(1) if reference else path


def check_symbols(build, overview):
    symbols = output_of("nm", "-D", "--defined-only", build / "src/libdure.so.0")
    names = re.findall(r" T (dure_\w+)", symbols)
    if not names:
        yield "libdure.so.0 exports nothing"
    for name in names + ["DURE_WITHIN", "DURE_SHIELD"]:
        page = page_of(build, name)
        if page is None or not page.exists():
            yield f"{name}: it has no manual page"
            continue
        text = page.read_text()
        if not re.search(r"^\.Nm %s\b" % name, text, re.M):
            yield f"{name}: {page.name} does not name it"
        # What is made of steps "not for direct use" needs no way to it.
        if f"Xr {page.stem} 3" not in overview and "not for direct" not in " ".join(text.split()):
            yield f"{name}: dure(7) does not lead to {page.name}"


def check_environment(root, overview):
    for source in (root / "src").rglob("*.c"):
        for name in re.findall(r'(?:getenv|from_environment)\("(DURE_\w+)"', source.read_text()):
            if not name.startswith("DURE_TEST_") and f".It Ev {name}\n" not in overview:
                yield f"dure(7) lacks {name}, which {source.name} reads"


def check_options(root, build):
    page = (root / "man/dure.1").read_text()
    program = build / "dure"
    if not program.exists():
        return
    for command in re.findall(r"^  (\w+) ", output_of(program, "--help"), re.M):
        shown = output_of(program, command, "--help")
        if f".Ss dure {command}\n" not in page:
            yield f"dure(1) lacks dure {command}"
        if "built without" in shown:
            continue
        options = re.findall(r"--(\w+)", shown)
        if not options:
            yield f"dure {command} --help lists no option"
        for option in options:
            if f"Fl -{option}" not in page:
                yield f"dure(1) lacks --{option} of dure {command}"


def check_lint(root, build):
    pages = [path for path in (build / "man").glob("*.3") if not path.read_text().startswith(".so ")]
    pages += sorted((root / "man").glob("dure.[0-9]"))
    yield from output_of("mandoc", "-T", "lint", "-W", "warning", *pages).splitlines()
    for page in pages:
        shown = output_of("mandoc", "-T", "utf8", "-O", f"width={WIDTH - 2}", page)
        for line in re.sub(".\b", "", shown).splitlines():
            if len(line) > WIDTH:
                yield f"{page.name}: wider than {WIDTH} columns: {line}"


def main():
    what, root, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if what == "lint":
        if not shutil.which("mandoc"):
            print("mandoc is not installed")
            return 77
        faults = list(check_lint(root, build))
    else:
        overview = (root / "man/dure.7").read_text()
        faults = [*check_symbols(build, overview), *check_environment(root, overview),
                  *check_options(root, build)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
