#!/bin/sh
# Compares the Python package with s3fs and obstore's fsspec layer: runs bench/python/run with the arguments (see --help) and prints the
# tables of its results. It does not change the project's own figures, bench/python/results.json.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench-python/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench-python"
"$python" bench/python/run --results build-bench/results-python.json "$@"
exec "$python" bench/python/report --results build-bench/results-python.json --print
