#!/bin/sh
# Builds the Python package as a wheel that carries the libraries it needs, into dist/, and tests it in an empty environment, on
# memory:// and on a MinIO, also by its command. The wheel needs a C library that is not older than this machine's.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
venv=$COVE_VENV-wheel
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
PATH=$venv/bin:$PATH

say "building the wheel"
pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$scratch/built" . >&2
# Built by this Python, it works with all from 3.10 on.
wheel tags --python-tag cp310 --remove "$scratch"/built/cove-*.whl >/dev/null
say "taking in what it needs"
auditwheel repair --wheel-dir "$scratch/repaired" "$scratch"/built/cove-*.whl >"$scratch/log" 2>&1 || {
    cat "$scratch/log" >&2
    die "auditwheel failed"
}
mkdir -p dist
rm -f dist/cove-*.whl
mv "$scratch"/repaired/cove-*.whl dist/

say "trying it"
python3 -m venv "$scratch/empty"
"$scratch/empty/bin/pip" install -q --disable-pip-version-check dist/cove-*.whl >&2
cd "$scratch"
cat >try.py <<'PYTHON'
import sys
from cove import _cove

for url in sys.argv[1:]:
    fs = _cove.Filesystem(url)
    data = bytes(range(256)) * 65536
    fs.write_file(url, data)
    assert fs.read_file(url) == data and fs.stat(url)[1] == len(data)
    fs.remove(url)
PYTHON
cat >try.sh <<'SH'
set -eu
python try.py memory://wheel/x s3://wheel/x
for command in cove "python -m cove"; do
    echo "by $command" | $command cp -q - s3://wheel/command
    [ "$($command cat s3://wheel/command)" = "by $command" ]
done
SH
env -u PYTHONPATH PATH="$scratch/empty/bin:$PATH" "$COVE_ROOT/tests/servers/minio.py" --bucket wheel -- sh try.sh
ls "$COVE_ROOT"/dist/cove-*.whl
