# `make demo` and `make test` need Python 3.11 or newer and a C compiler; they set up .venv here by themselves.
PYTHON ?= python3
PYTEST_ARGS ?= -n 2 --dist loadfile --durations=10

BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test systems check lint types format codegen times

help:
	@echo "make demo      the main job end to end, results in demo-out/"
	@echo "make test      lint, format, types and all tests"
	@echo "make systems   tests beside the real systems (extra: systems), which must all be installed"
	@echo "make check     lint, format and types only (lint: lint and format; types: types)"
	@echo "make format    mend what lint and format can mend"
	@echo "make codegen   remake codegen/ from the equations"
	@echo "make times     how long cold processes take"

demo: $(READY)
	@$(BIN)/grusym demo -o demo-out

test: check
	@echo "== tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

systems: $(READY)
	@echo "== systems"
	@GRUSYM_SYSTEMS=required $(BIN)/python -m pytest $(PYTEST_ARGS) -m systems tests/systems

check: lint types

lint: $(READY)
	@echo "== lint"
	@$(BIN)/ruff check .
	@echo "== format"
	@$(BIN)/ruff format --check .

types: $(READY)
	@echo "== types"
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

codegen: $(READY)
	@$(BIN)/grusym generate --all
	@$(BIN)/grusym vectors emit --all

times: $(READY)
	@$(BIN)/python tests/startup.py

# The stamp comes last, so that an interrupted installation is taken up again.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 \
	  || { echo "make: no $(PYTHON) found; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), grusym needs 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "make: $(PYTHON) has no venv module; install it (on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "== setting up .venv (the first time takes a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
