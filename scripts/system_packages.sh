#!/usr/bin/env bash
# Sees that the machine has what the named parts need (python, tests), installs Debian/Ubuntu packages where it
# may, and otherwise says what is missing and how to get it.
set -euo pipefail

missing=()
say() { printf '%s\n' "$*" >&2; }

has_postgresql() {
    [ -n "${RIDER_HUB_TEST_POSTGRES_URL:-}" ] || command -v initdb >/dev/null ||
        compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_chromium() {
    local name
    if [ -n "${RIDER_HUB_TEST_CHROMIUM:-}" ]; then return 0; fi
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    return 1
}

has_chinese_font() {
    compgen -G '/usr/share/fonts/opentype/noto/*CJK*' >/dev/null ||
        { command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh family 2>/dev/null)" ]; }
}

look() {
    missing=()
    local part
    for part in "$@"; do
        case $part in
        python) missing+=(python3 python3-venv) ;;
        tests)
            has_postgresql || missing+=(postgresql)
            has_chromium || missing+=(chromium)
            has_chinese_font || missing+=(fonts-noto-cjk)
            # The recipe for Java in docs/feeds.md is compiled and run.
            command -v javac >/dev/null || missing+=(default-jdk-headless)
            # Brings Apache Kafka, which runs on Java 17 or newer.
            command -v mvn >/dev/null || missing+=(maven)
            ;;
        *) say "usage: system_packages.sh [python] [tests]" && exit 2 ;;
        esac
    done
}

install_with() { # nothing, or sudo
    say "Installing Debian packages: ${missing[*]}"
    "$@" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    "$@" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

look "$@"
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" -eq 0 ]; then
        install_with || say "apt-get failed"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        install_with sudo || say "apt-get failed"
    fi
    if [ "$*" = python ]; then exit 0; fi
    look "$@"
    if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
fi
say "Still missing on this machine: ${missing[*]} (names of Debian's packages)."
say "Debian/Ubuntu: sudo apt-get update && sudo apt-get install ${missing[*]}"
if [ "$*" = python ]; then
    say "Elsewhere: Python 3.11 or newer with its venv module, on PATH as python3."
else
    say "Elsewhere: PostgreSQL 14 or newer with initdb on PATH, or RIDER_HUB_TEST_POSTGRES_URL=postgresql://user:password@host/postgres"
    say "of a server where databases may be made; Chromium on PATH, or RIDER_HUB_TEST_CHROMIUM=/path/to/it; any Chinese font;"
    say "a JDK of Java 17 or newer and Maven 3.8 or newer on PATH."
fi
exit 1
