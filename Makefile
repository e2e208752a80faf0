PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint lock

demo: .venv/installed
	@$(BIN)/talker demo

test: lint
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=25

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Versions and hashes come from the lock; our own package is installed in place.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "TwitterTalker needs Python 3.11 to 3.13: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Run after a change of the dependencies in pyproject.toml.
lock:
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra dev pyproject.toml --output-file requirements.lock
