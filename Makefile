# Every target sets up what it needs, once: a fresh machine has Python 3.11 or later, make, and a package index.
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
# The pinned setuptools builds the package, not the newest of the day.
INSTALL = $(PIP) install --constraint $(PINS) setuptools && $(PIP) install --constraint $(PINS) --no-build-isolation

.PHONY: help demo test debian-test check lint format fuzz chaos simulation build-check bench bench-quick pins clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/runtime.stamp ## imports the sample tickets into a stand-in account; needs no keys
	@mkdir -p .demo
	@$(BIN)/python sample_data/make_large_file.py
	@$(BIN)/ticket-importer run sample_data/tickets.csv -m mappings/old-helpdesk.yaml --sandbox \
		-o .demo/tickets.sandbox.results.csv --yes
	@$(BIN)/python .ci/show_results.py .demo/tickets.sandbox.results.csv

test: .venv/dev.stamp ## all tests, three at a time, as most of them wait (WORKERS=N)
	@$(BIN)/python -m pytest -n $(WORKERS)

debian-test: ## `make demo` and `make test` in a new root of Debian 13; needs root and debootstrap
	@.ci/debian-test trixie

check: lint build-check ## what has to be right before a merge: lint, the built wheel, tests with coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term

lint: .venv/dev.stamp ## format, lint, types and layers; changes nothing
	@$(BIN)/ruff format --quiet --check . || { echo "mend it with: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@layers=$$($(BIN)/lint-imports --no-logo) || { echo "$$layers" >&2; exit 1; }

format: .venv/dev.stamp ## formats the code and mends what can be mended
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

fuzz: .venv/dev.stamp ## 10,000 tables and spoiled files for each law of what is read, in 30 minutes (FUZZ_EXAMPLES=N)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 tests/fuzz

chaos: .venv/dev.stamp ## kills the importer 200 times while it sends; what the stand-in account has is the judge
	@$(BIN)/python -m tests.chaos --kills 200

simulation: .venv/dev.stamp ## days of sending, crashes and others at work, on a clock that is moved by waiting, in 15 minutes
	@$(BIN)/python -m tests.simulation --tickets 1000000

build-check: .venv/dev.stamp ## builds the wheel and runs it outside the tree, with nothing else installed
	@.ci/wheel-check $(BIN)/python

bench: .venv/dev.stamp ## speed, limit and memory beside what one would do otherwise, in 10 minutes; writes tests/bench/RESULTS.md
	@$(BIN)/python -m tests.bench

bench-quick: .venv/dev.stamp ## the same on small files, once each, in 2 minutes; writes nothing
	@$(BIN)/python -m tests.bench --quick

pins: .venv/dev.stamp ## takes the newest versions that pyproject.toml allows, and pins them
	@$(PIP) install --upgrade --upgrade-strategy eager --no-build-isolation -e '.[dev]'
	@{ sed '/^[^#]/,$$d' $(PINS); $(BIN)/python -m pip freeze --all --exclude-editable \
		--exclude pip --exclude wheel; } > $(PINS).new
	@mv $(PINS).new $(PINS)
	@touch .venv/dev.stamp

clean: ## removes what the other targets made, except .venv
	@rm -rf .demo .bench build dist *.egg-info .coverage .coverage.* coverage.xml .hypothesis .mypy_cache .ruff_cache
	@find importer tests sample_data -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## removes .venv, too
	@rm -rf .venv

# pip comes last when a venv is made: one without it was broken off, and is made anew.
$(BIN)/pip:
	@.ci/debian-packages $(PYTHON)
	@echo "setting up .venv (once; about a minute)" >&2
	@$(PYTHON) -m venv --clear .venv

# `demo` needs only what users need. A stamp older than the pins or pyproject.toml means: install again.
.venv/runtime.stamp: pyproject.toml $(PINS) | $(BIN)/pip
	@$(INSTALL) -e .
	@touch $@

.venv/dev.stamp: pyproject.toml $(PINS) | $(BIN)/pip
	@.ci/debian-packages $(PYTHON) $(if $(filter Linux,$(shell uname -s)),strace $(if $(CHROME),,chromium))
	@$(INSTALL) -e '.[dev]'
	@touch .venv/runtime.stamp $@
