#!/bin/sh
# cove beside other S3 clients: bench/s3, with the Python that has them. Arguments are handed on (see --help).
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench"
exec "$python" bench/s3 "$@"
