# make serve: the API on PORT (8000).   make test: all tests.   make check: lint, format, types.
# make test-serving: tests with nothing installed but what serving needs.   make fuzz: thousands of made-up requests.
# make train: the committed bundle from the records in DATA.   make clean: remove the environment.
# make bench: this service beside others.   make soak: load and faults for MINUTES (15), WITH="--redis --memory 512".
# make ci: what a pull request has to pass.   Targets for deployments are in deploy/deploy.mk.

# The first interpreter that is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
DATA ?= data
BIN := $(VENV)/bin

.PHONY: serve test test-serving test-tools fuzz fuzz-guided audit lock sbom ci check check-deploy format train gate retrain promote adopt bench soak bench-regression clean

serve: $(VENV)/.serving
	@exec $(BIN)/gunicorn taxi_api.wsgi:app

test: $(VENV)/.testing
	$(BIN)/python -W error -m pytest

test-serving: $(VENV)/serving/.installed
	$(VENV)/serving/bin/python -W error -m pytest

fuzz: $(VENV)/fuzz/.installed
	$(VENV)/fuzz/bin/python -m tests.fuzz

# Minutes of fuzzing that follows the code, where atheris runs: Linux.
fuzz-guided: $(VENV)/fuzz/.installed
	$(VENV)/fuzz/bin/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	$(VENV)/fuzz/bin/python -m tests.fuzz.guided body $(or $(SECONDS),600)
	$(VENV)/fuzz/bin/python -m tests.fuzz.guided event $(or $(SECONDS),600)

# Real servers and a real browser for the tests, which skip what needs them otherwise; Debian and Ubuntu, as root.
test-tools:
	@for tool in $(TEST_TOOLS); do command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	[ -z "$$missing" ] || { apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; }

# Programs and the packages that have them.
TEST_TOOLS := redis-server:redis-server chromium:chromium nginx:nginx-light prometheus:prometheus \
	pg_ctlcluster:postgresql faketime:faketime

audit: $(VENV)/audit/.installed
	$(VENV)/audit/bin/pip-audit --strict --no-deps --disable-pip -r requirements.txt

# What the images install, file by file, from the versions in the requirements; after each change of them.
lock: $(VENV)/audit/.installed
	$(VENV)/audit/bin/uv $(LOCK) --universal requirements.txt -o deploy/requirements.lock
	$(VENV)/audit/bin/uv $(LOCK) --python-platform linux deploy/mlflow/requirements.txt -o deploy/mlflow/requirements.lock

LOCK := pip compile --quiet --python-version 3.13 --generate-hashes --no-annotate --no-header

# What is in the API's images, as CycloneDX.
sbom: $(VENV)/audit/.installed
	$(VENV)/audit/bin/cyclonedx-py requirements deploy/requirements.lock -o sbom.json

# The tests of everything come last, so that how many passed is what a log ends with.
ci: check check-deploy fuzz test-serving test

bench: $(VENV)/.testing
	$(BIN)/python -m benchmarks.serving --json docs/benchmarks/serving.json
	$(BIN)/python -m benchmarks.serving.report docs/benchmarks/serving.json

soak: $(VENV)/.testing
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),15) $(WITH)

bench-regression: $(VENV)/.serving
	$(BIN)/python -m benchmarks.regression --base $(or $(BASE),origin/main) $(if $(OUT),--out $(OUT))

check: $(VENV)/.testing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --severity-level medium taxi_api training deploy
	$(BIN)/zizmor --quiet --offline --no-progress --pedantic .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/actionlint .github/workflows/*.yml
	$(BIN)/hadolint $(shell git ls-files '*Dockerfile*')
	$(BIN)/shellcheck .ci/run $(shell git ls-files '*.sh')

# checkov would ask its maker's server for explanations; what it finds stands without.
check-deploy: $(VENV)/lint/.installed $(VENV)/sam/.installed
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(VENV)/sam/bin/sam validate --lint --template deploy/template.yaml
	$(VENV)/lint/bin/cfn-lint deploy/ec2.yaml deploy/template.yaml
	BC_SKIP_MAPPING=TRUE $(VENV)/lint/bin/checkov --quiet --compact --framework cloudformation --skip-download \
		--file deploy/ec2.yaml --file deploy/template.yaml

format: $(VENV)/.testing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(VENV)/.testing
	$(BIN)/python -m training train --data $(DATA) --out taxi_api/model/default

# May the bundle be deployed? DEPLOYED is the folder of the one that is, if there is one.
gate: $(VENV)/.testing
	$(BIN)/python -m training download --last 2 --colour green --out $(DATA)
	$(BIN)/python -m training gate --bundle taxi_api/model/default --data $(DATA) $(if $(wildcard $(DEPLOYED)),--deployed $(DEPLOYED))

# A new bundle and its card from TLC's newest months, if it is good enough to take the place of the committed one.
retrain: $(VENV)/.testing
	$(BIN)/python -m training download --last 26 --colour green --out $(DATA)
	$(BIN)/python -m training train --data $(DATA) --out new-bundle $(if $(MLFLOW_TRACKING_URI),,--no-track)
	$(BIN)/python -m training card --bundle new-bundle --data $(DATA) --out card.html
	$(BIN)/python -m training gate --bundle new-bundle --data $(DATA) --deployed taxi_api/model/default

promote: $(VENV)/.testing
	$(BIN)/python -m training register --bundle new-bundle --data $(DATA)
	$(BIN)/python -m training promote --data $(DATA)

adopt: $(VENV)/.testing
	rm -rf taxi_api/model/default
	cp -R new-bundle taxi_api/model/default
	$(BIN)/python -m tests.update_readme

include deploy/deploy.mk

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; install one or set PYTHON." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than its requirements when they are installed, so that a second start installs nothing.
$(VENV)/.serving: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.testing: requirements.txt training/requirements.txt deploy/mlflow/requirements.txt tests/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@ $(VENV)/.serving

# Environments of their own, for what must not see the libraries of the rest.
$(VENV)/serving/.installed: requirements.txt tests/serving/requirements.txt
$(VENV)/fuzz/.installed: requirements.txt tests/fuzz/requirements.txt
$(VENV)/audit/.installed: tests/audit/requirements.txt
$(VENV)/serving/.installed $(VENV)/fuzz/.installed $(VENV)/audit/.installed: $(VENV)/%/.installed: | $(BIN)/python
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/$*/requirements.txt
	@touch $@
