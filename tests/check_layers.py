#!/usr/bin/env python3
"""Reads every #include: it may only point downwards in the layers.
And every source: it is named in a meson.build, or it would not be built.

check_layers.py ROOT

The layers are those of docs/ARCHITECTURE.md. A file may include its own layer
and those below; src/backend, src/task and src/pool know nothing of each other.
What is not part of the library (http, cmd, examples, the conformance suite)
sees the public headers alone.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# For each folder, the folders that it may include from, by the path written.
BELOW = {
    "src/base": ["base"],
    "src/backend": ["backend", "base"],
    "src/task": ["task", "base"],
    "src/pool": ["pool", "base"],
    "src/loop": ["loop", "pool", "task", "backend", "base"],
}
TOP = ["posix", "sync", "inspect", "loop", "pool", "task", "backend", "base"]
for top in ("posix", "sync", "inspect"):
    BELOW[f"src/{top}"] = TOP

# Those that see public headers and their own files only.
OUTSIDE = {
    "http": ["http"],
    "cmd": ["cmd", "http"],
    "examples": [],
    "tests/conformance": [],
}


def is_public(path):
    return path == "dure.h" or path.startswith("dure/")


def complain_inside(folder, source, bracket, path):
    """What is wrong with an include of a file of the library, or None."""
    if is_public(path):
        return None if bracket == "<" else "a public header is written <dure/...>"
    if bracket == "<":
        return None
    layer = path.split("/")[0]
    if "/" not in path:
        return "an internal header is written with its layer, as in \"base/list.h\""
    if layer not in BELOW[folder]:
        return f"{folder} must not know {layer}"
    return None


def complain_outside(folder, root, source, bracket, path):
    """What is wrong with an include of a file that is a mere user, or None."""
    if is_public(path) or bracket == "<":
        return None
    if (source.parent / path).exists():
        return None
    if path.split("/")[0] in OUTSIDE[folder] and (root / path).exists():
        return None
    return f"{folder} sees public headers only"


def complain_public(path):
    """A public header includes public headers and the system's."""
    first = path.split("/")[0]
    if first in TOP or path.startswith("src/"):
        return "a public header must not know the inside"
    return None


def is_built(root, source):
    """True if the nearest meson.build above names the source, or what it tests."""
    folder = source.parent
    while not (folder / "meson.build").exists() and folder != root:
        folder = folder.parent
    text = (folder / "meson.build").read_text()
    path = str(source.relative_to(folder))
    names = (path, source.stem, source.stem.removeprefix("test_"))
    return source.suffix == ".S" or any(f"'{name}'" in text for name in names)


def folder_of(relative):
    for folder in [*BELOW, *OUTSIDE, "include"]:
        if str(relative).startswith(folder + "/"):
            return folder
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = 0
    faults = []
    for top in ("include", "src", "http", "cmd", "examples", "tests/conformance"):
        for source in sorted((root / top).rglob("*.[chS]")):
            relative = source.relative_to(root)
            folder = folder_of(relative)
            if folder is None:
                faults.append(f"{relative}: belongs to no layer")
                continue
            files += 1
            for bracket, path in INCLUDE.findall(source.read_text()):
                if folder == "include":
                    fault = complain_public(path)
                elif folder in BELOW:
                    fault = complain_inside(folder, source, bracket, path)
                else:
                    fault = complain_outside(folder, root, source, bracket, path)
                if fault:
                    faults.append(f"{relative}: #include of {path}: {fault}")
    for top in ("src", "http", "cmd", "examples", "tests"):
        for source in sorted([*(root / top).rglob("*.c"), *(root / top).rglob("*.cpp")]):
            if not is_built(root, source):
                faults.append(f"{source.relative_to(root)}: no meson.build names it")
    for fault in faults:
        print(fault)
    if files == 0:
        print("no file was read")
        return 1
    print(f"read the includes of {files} files: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
