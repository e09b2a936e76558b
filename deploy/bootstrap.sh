#!/usr/bin/env bash
# Gets what the Makefile's targets need, and says in one sentence what it cannot get.
#   deploy/bootstrap.sh venv    the project's own virtual environment in .venv
#   deploy/bootstrap.sh tools   Prometheus and Alertmanager: from PATH, else Debian's packages
#   deploy/bootstrap.sh newer   current releases of promtool, amtool, Alertmanager and pint in .tools, built with Go
#   deploy/bootstrap.sh axe     axe-core in .tools, which tests the pages for accessibility, fetched with npm
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'ml-exporter: %s\n' "$*" >&2
    exit 1
}

# as_root COMMAND…: run as root, or as sudo without asking for a password; fails where neither is possible.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# apt_install PACKAGE…: install Debian packages; the package lists are fetched only if they are needed.
apt_install() {
    command -v apt-get >/dev/null || return 1
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
    as_root "${install[@]}" >/dev/null 2>&1 || { as_root apt-get update -q >/dev/null 2>&1 && as_root "${install[@]}" >/dev/null; }
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

venv() {
    local python stamp=.venv/.installed
    if [ -e "$stamp" ] && [ "$stamp" -nt pyproject.toml ]; then
        compile
        return
    fi
    python=$(find_python) || fail "needs Python 3.11 or newer: install it, or name it with make PYTHON=/path/to/python3"
    if [ ! -x .venv/bin/python ]; then
        echo "making .venv with $python"
        if ! "$python" -m venv .venv >/dev/null 2>&1; then
            rm -rf .venv
            apt_install python3-venv || fail "$python has no venv module: apt-get install python3-venv, then try again"
            "$python" -m venv .venv
        fi
    fi
    echo "installing the Python packages into .venv"
    .venv/bin/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=23.1'
    .venv/bin/python -m pip install -q --disable-pip-version-check --editable '.[dev]'
    touch "$stamp"
    compile
}

# An editable package is not compiled when it is installed, as others are: each process would do it anew where the
# environment forbids Python to write what it compiles.
compile() {
    .venv/bin/python -m compileall -q exporter
}

has_tools() {
    command -v prometheus >/dev/null && command -v promtool >/dev/null && command -v amtool >/dev/null &&
        { command -v alertmanager >/dev/null || command -v prometheus-alertmanager >/dev/null; }
}

tools() {
    has_tools && return
    echo "installing Debian's packages prometheus and prometheus-alertmanager"
    if apt_install prometheus prometheus-alertmanager && has_tools; then
        # The packages start services of their own on the usual ports; nobody asked for those.
        if [ -d /run/systemd/system ]; then
            as_root systemctl disable --now prometheus.service prometheus-alertmanager.service >/dev/null 2>&1 || true
        fi
        return
    fi
    fail "needs Prometheus and Alertmanager (with promtool and amtool) on PATH: install Debian's packages prometheus and" \
        "prometheus-alertmanager, or unpack the releases from https://prometheus.io/download/ and add their folders to PATH"
}

# build MODULE@VERSION PACKAGE…: build programs of a Go module into .tools, unless this version is there.
build() {
    local module=$1 root=$PWD work stamp
    shift
    stamp=.tools/$(basename "${module%@*}").version
    [ "$(cat "$stamp" 2>/dev/null)" = "$module" ] && return
    echo "building $module"
    work=$(mktemp -d)
    (
        cd "$work"
        export GOFLAGS="-mod=mod -buildvcs=false" CGO_ENABLED=0
        go mod init tools >/dev/null 2>&1
        go get "$module" >/dev/null 2>&1 || { echo "go get $module failed" >&2; exit 1; }
        source=$(go list -m -f '{{.Dir}}' "${module%@*}")
        if [ ! -d "$source/ui/app/dist" ] && grep -qs 'go:embed app/dist' "$source/ui/web.go"; then
            # Alertmanager embeds a page that is built apart from the module; a program without it is enough here.
            cp -r "$source" source && chmod -R u+w source
            mkdir -p source/ui/app/dist && touch source/ui/app/dist/index.html
            go mod edit -replace "${module%@*}=./source"
        fi
        go build -o "$root/.tools/" "$@"
    ) || return
    chmod -R u+w "$work" && rm -rf "$work"
    echo "$module" >"$stamp"
}

newer() {
    command -v go >/dev/null || fail "needs Go on PATH to build current promtool, amtool, Alertmanager and pint"
    mkdir -p .tools
    build github.com/prometheus/prometheus@v0.315.0 github.com/prometheus/prometheus/cmd/promtool
    build github.com/prometheus/alertmanager@v0.34.0 github.com/prometheus/alertmanager/cmd/{amtool,alertmanager}
    build github.com/cloudflare/pint@v0.87.0 github.com/cloudflare/pint/cmd/pint
}

axe() {
    command -v npm >/dev/null || fail "needs npm on PATH to fetch axe-core"
    mkdir -p .tools
    (cd .tools && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzf axe-core-4.14.1.tgz --strip-components=1 package/axe.min.js && rm axe-core-4.14.1.tgz) ||
        fail "axe-core could not be fetched from npm"
}

case "${1:-}" in
venv | tools | newer | axe) "$1" ;;
*) fail "usage: deploy/bootstrap.sh venv|tools|newer|axe" ;;
esac
