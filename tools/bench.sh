#!/bin/sh
# Compares cove with other S3 clients: runs bench/run with the arguments (see --help), with the Python that has these clients, and
# prints the tables of its results. It does not change the project's own figures, bench/results.json.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench"
"$python" bench/run --results build-bench/results.json "$@"
exec "$python" bench/report --results build-bench/results.json --print
