#!/bin/sh
# Runs all tests: tests/run.py with the arguments (see --help), in the Python environment that has what the tests import.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
exec "$COVE_VENV/bin/python" tests/run.py "$@"
