#!/usr/bin/env python3
"""Checks the public face: headers, comments, symbols.

check_headers.py ROOT BUILD

- Each public header compiles alone, as C99 and as C++17, pedantic and without
  a warning, with every compiler that is here.
- Every declaration has a comment right above it or above its group, which says
  what STYLE demands of it: what it returns, whether it blocks, who may call it,
  and the standard that it follows.
- The shared library exports exactly what the headers declare, each with its
  version; the static library has no other global name.
"""
import pathlib
import re
import shutil
import subprocess
import sys

VERSION = "DURE_0.1"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror", "-fsyntax-only"]
LANGUAGES = [
    (["gcc", "clang"], ["-std=c99", "-xc"]),
    (["g++", "clang++"], ["-std=c++17", "-xc++"]),
]
NAME = re.compile(r"\b(dure_\w+)\s*\(")


def compile_alone(root, headers):
    """Yields a fault for each header that does not compile by itself."""
    include = root / "include"
    for compilers, flags in LANGUAGES:
        for compiler in filter(shutil.which, compilers):
            for header in headers:
                text = f"#include <{header.relative_to(include)}>\n"
                # Twice: the guard works. And something after it, so that a
                # header cannot lean on what its includer ends with.
                text += text + "int after_the_header;\n"
                run = subprocess.run([compiler, *flags, *WARNINGS, f"-I{include}", "-"],
                                     input=text, stderr=subprocess.PIPE, text=True)
                if run.returncode:
                    yield f"{header.name} alone, {compiler} {flags[0]}:\n{run.stderr}"


def declarations(text):
    """Yields (name, declaration, comment) for each exported function.

    A comment holds for the declarations that follow it without an empty line.
    """
    comment = ""
    position = 0
    token = re.compile(r"/\*.*?\*/|^DURE_API[^;]*;|^[ \t]*\n|[^\n]*\n", re.S | re.M)
    while position < len(text):
        match = token.match(text, position)
        if not match:
            break
        position = match.end()
        piece = match.group(0)
        if piece.startswith("/*"):
            comment = piece
        elif piece.startswith("DURE_API"):
            yield NAME.search(piece).group(1), piece, comment
        elif piece.strip() == "" and text[match.start() - 1: match.start()] == "\n":
            comment = ""


def demands(declaration, comment):
    """What the comment of a declaration leaves out."""
    if not comment:
        return ["a comment"]
    # "Otherwise as dure_x", "Returns, blocks, threads: as dure_x" and a pure
    # "As dure_x, with ..." lend the rest from another comment.
    if re.search(r"\b[Aa]s dure_\w+|are\s+dure_\w+|not for direct use", comment):
        return []
    if "Source:" in comment:
        if re.search(r"Cancellation:|[Nn]ever (?:block|cancelled)", comment):
            return []
        return ["its class of cancellation"]
    missing = []
    if not declaration.startswith("DURE_API void ") and not re.search(r"Returns?\b", comment):
        missing.append("what it returns")
    if not re.search(r"Blocks:|Cancellation:", comment):
        missing.append("whether it blocks")
    if "Threads:" not in comment:
        missing.append("who may call it")
    return missing


def check_comments(headers):
    names = {}
    for header in headers:
        text = header.read_text()
        for name, declaration, comment in declarations(text):
            names[name] = header.name
            for what in demands(declaration, comment):
                yield names, f"{header.name}: {name}: its comment lacks {what}"
        for name in NAME.findall("\n".join(re.findall(r"^DURE_API[^;]*;", text, re.M | re.S))):
            if names.setdefault(name, None) is None:
                names[name] = header.name
                yield names, f"{header.name}: {name}: this check does not find it"
    yield names, None


def symbols(*command):
    run = subprocess.run(["nm", *command], stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for line in run.stdout.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] not in "A":
            name, _, version = parts[2].partition("@@")
            found[name] = version
    return found


def check_symbols(build, names):
    shared = symbols("-D", "--defined-only", "--with-symbol-versions", str(build / "src/libdure.so.0"))
    for name in sorted(set(shared) - set(names)):
        yield f"libdure.so: exports {name}, which no header declares"
    for name in sorted(set(names) - set(shared)):
        yield f"libdure.so: does not export {name} of {names[name]}; is it in src/dure.map?"
    for name, version in sorted(shared.items()):
        if version != VERSION:
            yield f"libdure.so: {name} has version '{version}', not {VERSION}"
    static = symbols("-g", "--defined-only", str(build / "src/libdure.a"))
    for name in sorted(set(static) - set(names)):
        # Sanitizers add global names of their own.
        if not name.startswith("__"):
            yield f"libdure.a: {name} is global and no header declares it"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    build = pathlib.Path(sys.argv[2]).resolve()
    headers = sorted((root / "include").rglob("*.h"))
    faults = list(compile_alone(root, headers))
    names = {}
    for names, fault in check_comments(headers):
        if fault:
            faults.append(fault)
    faults += check_symbols(build, names)
    for fault in faults:
        print(fault)
    print(f"checked {len(headers)} headers and {len(names)} functions: {len(faults)} faults")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
