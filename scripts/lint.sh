#!/bin/sh
# Checks what needs no run: format, warnings, static analysis, layers, headers.
# Goes through all of them and fails at the end if one did.
set -u

cd "$(dirname "$0")/.."
passed=0
failed=0
skipped=0

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

# A check that cannot be made here is named.
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}

sources() {
    find include src http cmd examples tests bench -name '*.[ch]' | sort
}

# Each version of clang-format has a format of its own: this one's counts, Debian 12's.
format_version=14

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

found=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
if [ "$found" = "$format_version" ]; then
    check "format (clang-format)" format
else
    skip "format (clang-format)" "this is version $found, the format that of version $format_version"
fi
check "warnings (gcc)" warnings gcc g++
check "warnings (clang)" warnings clang clang++
check "clang-tidy" tidy
check "cppcheck" analysis
check "layers" tests/check_layers.py .
check "escapes" tests/check_escapes.py .
check "headers" tests/check_headers.py . build-lint-gcc

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
