# The commands of queueapp. `make` alone lists them. Works with GNU Make 3.81 (macOS) and later.
VENV := .venv
BIN := $(VENV)/bin
# The first of these that is Python 3.11 or later; `make PYTHON=…` overrides.
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUEUEAPP := $(BIN)/python -m queueapp
# More than there are processors: many tests wait for real seconds to pass.
TEST_WORKERS ?= 5
UV := uv==0.13.9
PIP_AUDIT := pip-audit==2.10.1

.PHONY: help install run test check screenshots bench soak audit lock clean
.DEFAULT_GOAL := help

# Commands and tests start many processes: compiled once, each starts in a fraction of the time.
export PYTHONDONTWRITEBYTECODE :=

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.runtime static/vendor/.built ## virtual environment, locked packages, browser libraries

run: install ## serve the demo clinic; prints an address and a login per person
	@$(QUEUEAPP) db upgrade
	@$(QUEUEAPP) demo
	@$(QUEUEAPP) serve

test: check ## lint, types, import directions, then all tests
	@$(BIN)/python -m tests.ensure_binaries
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup

check: $(VENV)/.dev static/vendor/.built ## lint, types and import directions alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

screenshots: $(VENV)/.dev static/vendor/.built ## every screen at its real size, into var/screenshots; README's, small, into docs/pictures
	@$(BIN)/python -m tests.ensure_binaries
	$(BIN)/python -m tests.browser.screenshots

bench: install ## the product's own benchmarks beside their floors
	@for name in live calls checkin forecast board; do $(QUEUEAPP) bench $$name --json - || exit 1; done

soak: $(VENV)/.dev static/vendor/.built ## rules with 2,000 examples each, pages on both databases, races and faults at their full counts, each page at every size, a month in an hour
	@$(BIN)/python -m tests.ensure_binaries
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -n $(TEST_WORKERS) tests/unit tests/web/test_schemathesis.py
	DATABASES=both $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup tests/web tests/db tests/browser/test_day.py
	$(BIN)/python -m pytest -q -s tests/browser/walks.py
	GONE_FOR_S=30 $(BIN)/python -m pytest -q tests/system/test_outages.py
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak_month

audit: $(VENV)/.dev static/vendor/.built ## known vulnerabilities in what is locked
	@$(PIP) install --quiet $(PIP_AUDIT)
	$(BIN)/pip-audit --requirement requirements-dev.lock --require-hashes --disable-pip --strict
	PATH="$(CURDIR)/$(BIN):$$PATH" npm audit

lock: $(BIN)/python ## renew the hashed locks after an edit of requirements*.txt
	@$(PIP) install --quiet $(UV)
	@for name in requirements requirements-dev requirements-node; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url --no-emit-find-links \
			$$name.txt --output-file $$name.lock || exit 1; done

clean: ## remove what was installed and built; data in var/ stays
	rm -rf $(VENV) node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "queueapp needs Python 3.11 or later, and found none." \
		"Install one (https://www.python.org/downloads/), or name it: make PYTHON=/path/to/python3.13"; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV) || { rm -rf $(VENV); echo "Could not make a virtual environment." \
		"On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

# The development lock holds all of the runtime lock.
$(VENV)/.dev: requirements-dev.lock requirements.lock | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $(VENV)/.runtime $@

static/vendor/.built: package.json package-lock.json .npmrc static/build.mjs static/src/nhsuk.scss static/css/tokens.css | $(BIN)/python
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
		&& npm --version >/dev/null 2>&1 || \
		$(PIP) install --quiet --require-hashes --requirement requirements-node.lock
	PATH="$(CURDIR)/$(BIN):$$PATH"; npm ci --loglevel=error && node static/build.mjs
	@touch $@
