#!/bin/sh
# Builds the fuzzers (clang, libFuzzer, AddressSanitizer, UBSan) into build-fuzz/ and runs each for FUZZ_SECONDS.
#
#   tools/fuzz.sh [TARGET…]        every target by default; FUZZ_SECONDS is 180 by default
#
# An input that makes a target fail is minimised and kept in build-fuzz/finds/TARGET/. Copied into tests/fuzz/corpus/TARGET it is a test.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
seconds=${FUZZ_SECONDS:-180}
[ -f build-fuzz/build.ninja ] || { CC=clang; export CC; }
tools/build.sh build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false -Dexamples=disabled -Dpython=disabled
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
failed=0
table=
for name in "$@"; do
    program=build-fuzz/tests/fuzz/fuzz_$name
    [ -x "$program" ] || die "there is no fuzzer $name"
    grown=build-fuzz/corpus/$name
    finds=build-fuzz/finds/$name
    mkdir -p "$grown" "$finds"
    before=$(ls "$finds" | wc -l)
    dictionary=
    [ ! -f "tests/fuzz/$name.dict" ] || dictionary=-dict=tests/fuzz/$name.dict
    say "$name, $seconds s"
    status=0
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 $dictionary \
        -artifact_prefix="$finds/" "$grown" "tests/fuzz/corpus/$name" >"build-fuzz/$name.log" 2>&1 || status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "build-fuzz/$name.log" | tail -n 1)
    result=clean
    if [ "$status" -ne 0 ]; then
        failed=1
        for crash in "$finds"/crash-*; do
            [ ! -f "$crash" ] || "$program" -minimize_crash=1 -max_total_time=30 -exact_artifact_path="$crash.small" "$crash" \
                >/dev/null 2>&1 || true
        done
        result="$(($(ls "$finds" | wc -l) - before)) finds: see build-fuzz/$name.log"
    fi
    table="$table$(printf '%-12s %12s %9s  %s' "$name" "${runs:--}" "${coverage:--}" "$result")
"
done
printf '%-12s %12s %9s  %s\n%s' TARGET RUNS COVERAGE RESULT "$table"
exit "$failed"
