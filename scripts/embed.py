#!/usr/bin/env python3
"""Makes a text file a constant of a C program.

embed.py TEXT OUT.c NAME
"""
import pathlib
import sys


def main():
    text, out, name = sys.argv[1:]
    # Lines as strings, each below the 509 characters that every compiler takes.
    lines = [line.replace("\\", "\\\\").replace('"', '\\"')
             for line in pathlib.Path(text).read_text().splitlines()]
    strings = "\n".join(f'    "{line}\\n"' for line in lines)
    pathlib.Path(out).write_text(f"/* Made from {pathlib.Path(text).name}. */\n"
                                 f"extern const char {name}[];\n"
                                 f"const char {name}[] =\n{strings};\n")


if __name__ == "__main__":
    main()
