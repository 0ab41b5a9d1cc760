#!/bin/sh
# Works for SOAK_SECONDS (900) on a network that breaks at random: tests/soak/soak.py. It gets the arguments (see --help).
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
exec "$COVE_VENV/bin/python" tests/soak/soak.py "$@"
