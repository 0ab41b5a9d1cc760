#!/bin/sh
# cove beside other S3 clients, with the Python that has them: bench/run, which gets the arguments (see --help), then the
# tables of what came out. The figures that the project shows are bench/results.json's, which stays as it is.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench"
"$python" bench/run --results build-bench/results.json "$@"
exec "$python" bench/report --results build-bench/results.json --print
