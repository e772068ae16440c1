#!/bin/sh
# Makes a static library of one object that keeps only the public names:
# static-library.sh OUT.a IN.a OBJCOPY AR COMPILER...
# An archive cannot hide a symbol from the program that links it, so all its
# objects become one and what is hidden in them becomes local. No section groups
# are left in it: the linker keeps one of each name, and if that were ours, whoever
# comes after us in the command line would refer to what has become local.
set -eu

out=$1 in=$2 objcopy=$3 ar=$4
shift 4

object=${out%.a}.o
"$@" -r -nostdlib -o "$object" -Wl,--force-group-allocation -Wl,--whole-archive "$in" -Wl,--no-whole-archive
"$objcopy" --localize-hidden "$object"
rm -f "$out"
"$ar" rcs "$out" "$object"
