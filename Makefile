# Two commands are enough: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
LOCK := --disable-pip-version-check -qq --no-deps

.PHONY: run test lint types imports format bench pictures lock clean

run: .venv/.ready
	@$(BIN)/tabsmith

test: .venv/.ready-dev lint
	$(BIN)/python -m pytest

lint: .venv/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready-dev
	$(BIN)/python -m benchmarks

pictures: .venv/.ready-dev
	$(BIN)/python -m docs.pictures

# The lock names versions, never a host; the wheels come from wherever your pip is told to look.
lock: .venv/.ready
	$(BIN)/pip install $(LOCK) uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	    --upgrade --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	    --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

.venv/.ready: requirements.lock pyproject.toml
	@echo "Setting up .venv (once; a minute or two)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tabsmith needs Python 3.11 or newer: make run PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install $(LOCK) -r requirements.lock
	@$(BIN)/python -m pip install $(LOCK) --no-build-isolation -e .
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@$(BIN)/python -m pip install $(LOCK) -r requirements-dev.lock
	@touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
