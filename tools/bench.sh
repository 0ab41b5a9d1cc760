#!/bin/sh
# cove beside other S3 clients, with the Python that has them: bench/s3 (one large object), then bench/many (many small
# things). With arguments only the first, which gets them (see --help).
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
python=$COVE_VENV-bench/bin/python
[ -x "$python" ] || die "the other clients are not installed: run tools/setup.sh bench"
"$python" bench/s3 "$@"
[ $# -gt 0 ] || exec "$python" bench/many
