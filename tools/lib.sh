# Shared by the scripts in tools/: folders and messages. Sourced, POSIX sh.

COVE_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
COVE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/cove
COVE_BIN=$COVE_CACHE/bin
COVE_VENV=$COVE_CACHE/venv

say() {
    printf '==> %s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# version_at_least 1.10.2 1.9: true if the first is at least the second, number by number.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# run_as_root COMMAND…: directly as root, else by sudo.
run_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo -- "$@"
    else
        die "this needs root and there is no sudo: $*"
    fi
}
