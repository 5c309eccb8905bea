# make serve: the API on PORT (8000).   make test: all tests.   make check: lint, format, types.
# make test-serving: tests with nothing installed but what serving needs.   make fuzz: thousands of made-up requests.
# make train: the committed bundle from the records in DATA.   make clean: remove the environment.

# The first interpreter that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
DATA ?= data
BIN := $(VENV)/bin

.PHONY: serve test test-serving fuzz check format train clean

serve: $(VENV)/.serving
	@exec $(BIN)/gunicorn taxi_api.wsgi:app

test: $(VENV)/.testing
	$(BIN)/python -W error -m pytest

test-serving: $(VENV)/serving/.installed
	$(VENV)/serving/bin/python -W error -m pytest

fuzz: $(VENV)/fuzz/.installed
	$(VENV)/fuzz/bin/python -m tests.fuzz

check: $(VENV)/.testing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.testing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(VENV)/.testing
	$(BIN)/python -m training train --data $(DATA) --out taxi_api/model/default

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; install one or set PYTHON." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than its requirements when they are installed, so that a second start installs nothing.
$(VENV)/.serving: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.testing: requirements.txt training/requirements.txt tests/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@ $(VENV)/.serving

# Environments of their own, for what must not see the libraries of the rest.
$(VENV)/serving/.installed: requirements.txt tests/serving/requirements.txt
$(VENV)/fuzz/.installed: requirements.txt tests/fuzz/requirements.txt
$(VENV)/serving/.installed $(VENV)/fuzz/.installed: $(VENV)/%/.installed: | $(BIN)/python
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/$*/requirements.txt
	@touch $@
