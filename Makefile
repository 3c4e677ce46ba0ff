# Two commands are enough: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
LOCK := --disable-pip-version-check -qq --no-deps

# Hundreds of processes start from this tree in a test run: where this variable is set, each would compile it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test soak audit peers lint style types format bench pictures lock clean

run: .venv/.ready
	@$(BIN)/tabsmith

# The types are checked while the tests run, of which some wait; what is found is shown after theirs.
test: .venv/.ready-dev style peers
	@$(BIN)/mypy >.venv/types.txt 2>&1 & checking=$$!; $(BIN)/python -m pytest; tests=$$?; \
	    wait $$checking; types=$$?; cat .venv/types.txt; exit $$((tests | types))

# All rounds of the tests that kill, repeat and exhaust; `make test` runs one of each.
soak: .venv/.ready-dev peers audit
	SOAK=1 $(BIN)/python -m pytest -m soak

# Known weaknesses of the locked packages. Without a registry or the database of weaknesses it is skipped, and says so.
audit:
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit \
	    && .venv/audit/bin/python -m pip install --disable-pip-version-check -qq pip-audit; } \
	    || { echo "pip-audit cannot be installed here: the audit of the locked packages is skipped"; exit 0; }; \
	test -x .venv/audit/bin/pip-audit || exit 0; \
	.venv/audit/bin/pip-audit --require-hashes --disable-pip -r requirements.lock >.venv/audit.txt 2>&1; found=$$?; \
	if grep -qiE 'connection|resolve|timed out|ServiceError|proxy' .venv/audit.txt; then \
	    echo "the database of weaknesses cannot be reached: the audit of the locked packages is skipped"; \
	else grep -vE 'could not be audited|^(Name|---)' .venv/audit.txt; \
	    echo "not audited, because the database here does not know them: $$(grep -c 'could not be audited' .venv/audit.txt) packages"; \
	    exit $$found; fi

lint: style types

style: .venv/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: .venv/.ready-dev
	$(BIN)/mypy

format: .venv/.ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready-dev
	$(BIN)/python -m benchmarks

pictures: .venv/.ready-dev
	$(BIN)/python -m docs.pictures

# The lock names versions and the hashes of their files, never a host; the wheels come from wherever your pip is told to
# look, and are refused unless they are the files that were locked. With UPGRADE=--upgrade the versions are anew, too.
lock: .venv/.ready
	$(BIN)/pip install $(LOCK) uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	    --generate-hashes $(UPGRADE) --all-extras --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	    --generate-hashes --all-extras --group dev pyproject.toml -c requirements.lock \
	    -o requirements-dev.lock

.venv/.ready: requirements.lock pyproject.toml
	@echo "Setting up .venv (once; a minute or two)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tabsmith needs Python 3.11 or newer: make run PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install $(LOCK) -r requirements.lock
	@$(BIN)/python -m pip install $(LOCK) --no-build-isolation -e .
	@$(BIN)/python -m compileall -q core tui
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@$(BIN)/python -m pip install $(LOCK) -r requirements-dev.lock
	@touch $@

# Programs of other makers that tests talk to. Without npm those tests are skipped, and say so.
peers:
	@command -v bwrap >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
	    || apt-get install -y -qq bubblewrap >/dev/null 2>&1 \
	    || { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq bubblewrap >/dev/null 2>&1; } || true
	@command -v bwrap >/dev/null || echo "bubblewrap is not here: the tests of that sandbox will be skipped"
	@command -v npm >/dev/null || echo "npm is not here: the tests that need it will be skipped"
	@! command -v npm >/dev/null || $(MAKE) -s .venv/peers/.ready

.venv/peers/.ready: tests/peers/npm-shrinkwrap.json
	@mkdir -p $(@D)
	@cp tests/peers/package.json tests/peers/npm-shrinkwrap.json tests/peers/.npmrc $(@D)
	@npm ci --prefix $(@D) --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
