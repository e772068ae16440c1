#!/bin/sh
# Runs the suite in a build directory of its own:
# test-in.sh BUILD NAME [arguments for meson setup]
# NAME picks tests as in `make test T=NAME`; empty runs all.
# TEST_FLAGS goes to `meson test`, TEST_WRAP goes before everything that runs.
set -eu

build=$1 name=$2
shift 2
cd "$(dirname "$0")/.."

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" -Dtests=enabled "$@"
fi
ninja -C "$build"
exec ${TEST_WRAP:-} scripts/run-tests.py "$build" --name "$name" --flags="${TEST_FLAGS:-}"
