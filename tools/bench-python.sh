#!/bin/sh
# The Python package beside s3fs and obstore's fsspec layer: bench/python/run, which gets the arguments (see --help), then the tables of
# what came out. The figures that the project shows are bench/python/results.json's, which stays as it is.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench-python/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench-python"
"$python" bench/python/run --results build-bench/results-python.json "$@"
exec "$python" bench/python/report --results build-bench/results-python.json --print
