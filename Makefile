# Every target installs what it needs, once. A new machine needs Python 3.11 or later, make, and a package index.
# Another interpreter for a new .venv:  make test PYTHON=python3.13

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
WORKERS ?= 3
FUZZ_EXAMPLES ?= 10000
BIN := .venv/bin
PINS := .ci/constraints.txt
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
# The pinned setuptools builds the package, not the newest one.
INSTALL = $(PIP) install --constraint $(PINS) setuptools && $(PIP) install --constraint $(PINS) --no-build-isolation
# Many containers switch bytecode off: each process of the tests would compile hundreds of modules again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test debian-test check lint format fuzz chaos simulation build-check bench bench-quick pins clean distclean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/runtime.stamp ## imports sample tickets and an export of a helpdesk into a sandbox account
	@mkdir -p .demo
	@$(BIN)/python sample_data/make_large_file.py
	@$(BIN)/ticket-importer run sample_data/tickets.csv -m mappings/old-helpdesk.yaml --sandbox \
		-o .demo/tickets.sandbox.results.csv --yes
	@$(BIN)/python .ci/show_results.py .demo/tickets.sandbox.results.csv
	@$(BIN)/ticket-importer run sample_data/exports/zendesk.json -m mappings/zendesk.yaml --sandbox \
		-o .demo/zendesk.sandbox.results.csv --yes
	@$(BIN)/python .ci/show_results.py .demo/zendesk.sandbox.results.csv

test: .venv/dev.stamp ## runs all tests, three at a time (WORKERS=N)
	@$(BIN)/python -m pytest -n $(WORKERS)

debian-test: ## runs demo and test in a new Debian 13; needs debootstrap
	@.ci/debian-test trixie

check: lint build-check ## before a merge: lint, the built wheel, tests with coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term

lint: .venv/dev.stamp ## checks format, style, types and layers; changes nothing
	@$(BIN)/ruff format --quiet --check . || { echo "run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@layers=$$($(BIN)/lint-imports --no-logo) || { echo "$$layers" >&2; exit 1; }

format: .venv/dev.stamp ## formats the code and fixes what ruff can fix
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

fuzz: .venv/dev.stamp ## reads 10,000 random tables a test (30 min; FUZZ_EXAMPLES=N)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 tests/fuzz

chaos: .venv/dev.stamp ## kills the importer 260 times, and checks the account
	@$(BIN)/python -m tests.chaos --kills 200
	@$(BIN)/python -m tests.chaos --kills 60 --postgresql

simulation: .venv/dev.stamp ## simulates days of sending with crashes (15 min)
	@$(BIN)/python -m tests.simulation --tickets 1000000

build-check: .venv/dev.stamp ## builds the wheel and runs it outside the tree
	@.ci/wheel-check $(BIN)/python

bench: .venv/dev.stamp ## measures speed and memory (10 min); writes RESULTS.md
	@$(BIN)/python -m tests.bench

bench-quick: .venv/dev.stamp ## the same with small files (2 min); writes nothing
	@$(BIN)/python -m tests.bench --quick

pins: .venv/dev.stamp ## pins the newest versions that pyproject.toml allows
	@$(PIP) install --upgrade --upgrade-strategy eager --no-build-isolation -e '.[dev]'
	@{ sed '/^[^#]/,$$d' $(PINS); $(BIN)/python -m pip freeze --all --exclude-editable \
		--exclude pip --exclude wheel; } > $(PINS).new
	@mv $(PINS).new $(PINS)
	@touch .venv/dev.stamp

clean: ## removes the files of the other targets, except .venv
	@rm -rf .demo .bench build dist *.egg-info .coverage .coverage.* coverage.xml .hypothesis .mypy_cache .ruff_cache
	@find importer tests sample_data -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## removes .venv, too
	@rm -rf .venv

# pip is installed last: a .venv without pip is incomplete, and is created again.
$(BIN)/pip:
	@.ci/debian-packages $(PYTHON)
	@echo "setting up .venv (once; about a minute)" >&2
	@$(PYTHON) -m venv --clear .venv

# `demo` needs only the packages of users. A stamp that is older than the pins or pyproject.toml means: install again.
.venv/runtime.stamp: pyproject.toml $(PINS) | $(BIN)/pip
	@$(INSTALL) -e .
	@touch $@

.venv/dev.stamp: pyproject.toml $(PINS) | $(BIN)/pip
	@.ci/debian-packages $(PYTHON) $(if $(filter Linux,$(shell uname -s)),strace $(if $(CHROME),,chromium))
	@$(INSTALL) -e '.[dev]'
	@touch .venv/runtime.stamp $@
