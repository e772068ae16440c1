#!/bin/sh
# Runs the suite under AddressSanitizer with UndefinedBehaviorSanitizer, and
# under ThreadSanitizer: sanitize.sh [NAME]
set -u

name=${1:-}
cd "$(dirname "$0")/.."

# The shadow memory of ThreadSanitizer has a fixed place; a kernel that
# randomises addresses widely (vm.mmap_rnd_bits above 28) may lie in its way.
wrap=
if setarch -R true 2>/dev/null; then
    wrap="setarch -R"
fi

export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/scripts/tsan-suppressions.txt

status=0
echo "== AddressSanitizer and UndefinedBehaviorSanitizer"
TEST_FLAGS=--timeout-multiplier=2 \
    scripts/test-in.sh build-asan "$name" -Db_sanitize=address,undefined -Db_lundef=false || status=1
echo "== ThreadSanitizer"
TEST_FLAGS=--timeout-multiplier=3 TEST_WRAP=$wrap \
    scripts/test-in.sh build-tsan "$name" -Db_sanitize=thread -Db_lundef=false || status=1
exit $status
