# What a newcomer runs. Each target that needs something sets it up by itself; see docs/development.md.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
PYTHON := .venv/bin/python
WORKERS ?= 2
SIZE ?= CITY
PYTEST := $(PYTHON) -m pytest -n $(WORKERS)
RUFF := $(PYTHON) -m ruff

.PHONY: help setup demo test test-long lint format types imports shell dockerfile dockerfile-steps bench bench-geo bench-intake bench-kafka check lock

help: ## what can be run here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## own .venv and front-end files, from the locks (quick when nothing changed)
	@scripts/setup.sh

demo: setup ## the main job on the demo county, then its pages; ARGS= is passed on
	@exec $(PYTHON) -m rider_hub demo $(ARGS)

test: setup ## every test, on SQLite and on a real PostgreSQL, and in a browser; ARGS= is passed on
	@scripts/system_packages.sh tests
	@scripts/setup.sh tests
	@$(PYTEST) $(ARGS)

test-long: setup ## the same tests with the long counts
	@scripts/system_packages.sh tests
	@scripts/setup.sh tests
	@RIDER_HUB_TEST_LONG=1 $(PYTEST) $(ARGS)

lint: setup ## style and likely mistakes
	@$(RUFF) check .
	@$(RUFF) format --check .

format: setup ## put the code into the one format
	@$(RUFF) format .

types: setup ## static types, strict
	@$(PYTHON) -m mypy --strict

imports: setup ## who may import whom (.importlinter)
	@.venv/bin/lint-imports --no-logo --cache-dir .cache/imports

shell: ## shell scripts, where shellcheck is there
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; else echo "shellcheck is not here"; fi

dockerfile: setup ## lint the Dockerfile, where its linter is there
	@if [ -x .venv/bin/hadolint ]; then .venv/bin/hadolint Dockerfile; else echo "hadolint is not here"; fi

dockerfile-steps: setup ## run the Dockerfile's very steps without an engine, until the server answers
	@$(PYTHON) scripts/dockerfile_steps.py

bench: setup ## measured figures of docs/promises.md
	@set -e; for file in benchmarks/[a-z]*.py; do name=$${file#benchmarks/}; $(PYTHON) -m "benchmarks.$${name%.py}" $(ARGS); done

check: ## all that the automatic checks run, tests last
	@$(MAKE) lint
	@$(MAKE) types
	@$(MAKE) imports
	@$(MAKE) shell
	@$(MAKE) dockerfile
	@$(MAKE) dockerfile-steps
	@$(MAKE) test

bench-geo: setup ## the geo engine against its peers, into docs/performance.md; SIZE=CITY, PROVINCE or NATION
	@if ! cmp -s requirements-bench.lock .venv/requirements-bench.installed; then \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-bench.lock \
		&& cp requirements-bench.lock .venv/requirements-bench.installed; fi
	@$(PYTHON) -m benchmarks.geo --size $(SIZE) $(ARGS)

bench-intake: setup ## taking in registrations over HTTP, against the raw limit of each database
	@scripts/system_packages.sh tests
	@scripts/setup.sh tests
	@$(PYTHON) -m benchmarks.intake $(ARGS)

bench-kafka: setup ## streams by Kafka against pushes, and after a kill and a pause (20 minutes)
	@scripts/system_packages.sh tests
	@scripts/setup.sh tests
	@$(PYTHON) -m benchmarks.kafka $(ARGS)

lock: setup ## make the lock files anew; ARGS=--upgrade takes the newest versions allowed
	@scripts/lock.sh $(ARGS)
