#!/bin/sh
# Runs every test there is: tests/run.py, with the Python that has what the tests import. Arguments are handed on (see --help).
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
exec "$COVE_VENV/bin/python" tests/run.py "$@"
