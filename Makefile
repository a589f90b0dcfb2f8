# make repro · make check · make fix · make bench [NAME=normalize] · make data
# make test [WORKERS=2] · make test-fast, without slow tests · make test-all, with long ones too
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: setup repro data test test-fast test-all check fix bench clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "taskloom needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,minilm]'
	@git rev-parse --git-dir >/dev/null 2>&1 || $(BIN)/dvc config --local core.no_scm true
	$(BIN)/python -m pipeline plots-page
	@touch $@

repro: setup
	dvc repro

data: setup
	python -m pipeline data

TEST := python -m pytest -n $(WORKERS) --dist loadfile

test: setup
	$(TEST) -m "not long"

test-fast: setup
	$(TEST) -m "not slow and not long"

test-all: test
	$(TEST) -m long

check: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports

fix: setup
	ruff check --fix .
	ruff format .

bench: setup
	python -m benchmarks $(NAME)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
