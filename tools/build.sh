#!/bin/sh
# Builds in a folder, and configures it first if that is needed.
#
#   tools/build.sh [FOLDER [MESON OPTION…]]     FOLDER is build by default
#
# With CI set, warnings are errors.
set -eu
. "$(dirname -- "$0")/lib.sh"

dir=${1:-build}
[ $# -eq 0 ] || shift
cd "$COVE_ROOT"
meson=meson
[ ! -x "$COVE_VENV-meson/bin/meson" ] || meson=$COVE_VENV-meson/bin/meson
[ -z "${CI:-}" ] || set -- "$@" -Dwerror=true
if [ -f "$dir/build.ninja" ]; then
    [ $# -eq 0 ] || "$meson" configure "$dir" "$@"
else
    say "configuring $dir"
    "$meson" setup "$dir" "$@" >"$dir.log" 2>&1 || {
        cat "$dir.log" >&2
        rm -f "$dir.log"
        die "meson setup $dir failed"
    }
    rm -f "$dir.log"
fi
say "building $dir"
ninja -C "$dir" --quiet
