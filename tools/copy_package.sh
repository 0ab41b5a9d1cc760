#!/bin/sh
# Keeps a copy of a Python package's files beside its extension, for meson: tools/copy_package.sh FROM TO STAMP
set -eu
for file in "$2"/*.py "$2"/*.pyi; do
    [ -e "$1/$(basename -- "$file")" ] || rm -f -- "$file"
done
for file in "$1"/*.py "$1"/*.pyi "$1"/py.typed; do
    cmp -s -- "$file" "$2/$(basename -- "$file")" || cp -- "$file" "$2/"
done
: >"$3"
