#!/bin/sh
# Checks what needs no run: format, warnings, static analysis, layers, headers.
# Goes through all of them and fails at the end if one did.
set -u

cd "$(dirname "$0")/.."
passed=0
failed=0

check() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
    fi
}

sources() {
    find include src http cmd examples tests bench -name '*.[ch]' | sort
}

format() {
    sources | xargs clang-format --dry-run -Werror
}

# Builds everything with one compiler, each warning an error.
warnings() {
    build=build-lint-$1
    if [ ! -f "$build/build.ninja" ]; then
        CC=$1 CXX=$2 meson setup "$build" -Dwerror=true -Dtests=enabled -Dexamples=enabled \
            >"$build.log" 2>&1 || { cat "$build.log"; return 1; }
        rm -f "$build.log"
    fi
    ninja --quiet -C "$build"
}

tidy() {
    find src http cmd -name '*.c' | sort | while read -r file; do
        # A file that this machine does not compile has no entry, and is not for it.
        grep -q "$file\"" build-lint-clang/compile_commands.json && echo "$file"
    done | xargs -n 4 -P "$(nproc)" clang-tidy -quiet -p build-lint-clang 2>build-lint-clang/tidy.log
}

analysis() {
    cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c -j "$(nproc)" \
        --enable=warning,performance,portability \
        --suppressions-list=scripts/cppcheck-suppressions.txt \
        -I include -I src -I . -D_GNU_SOURCE -D__x86_64__ \
        -DDURE_HAVE_URING=1 -DDURE_HAVE_UNWIND=1 -DDURE_HAVE_VALGRIND=0 -DDURE_SWITCH_HEADER='"task/arch/x86_64.h"' \
        src http cmd examples
}

check "format (clang-format)" format
check "warnings (gcc)" warnings gcc g++
check "warnings (clang)" warnings clang clang++
check "clang-tidy" tidy
check "cppcheck" analysis
check "layers" tests/check_layers.py .
check "headers" tests/check_headers.py . build-lint-gcc

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
