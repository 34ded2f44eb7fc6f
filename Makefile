# Targets with `##` behind them are listed by `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
APT_GET := DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=30

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[emulator]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(RUNTIME)

.PHONY: setup
setup: $(DEV) ## make the environment with everything that the tests need

.PHONY: run
run: $(RUNTIME) ## compile the bundled network, evaluate it, run its OpenCL on the emulator
	$(BIN)/python examples/digits/run.py

.PHONY: browser
browser: ## install Chromium for the test of the page (Debian, root)
	@if command -v chromium && command -v chromedriver; then exit; fi >/dev/null; \
	install() { $(APT_GET) install -qq --no-install-recommends chromium chromium-driver; }; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    { install || { $(APT_GET) update -qq && install; }; } >/dev/null 2>&1 </dev/null; \
	then exit; fi; \
	echo "no Chromium: the test of the page will be skipped"

.PHONY: test
test: browser lint type lit pytest ## everything that CI runs

.PHONY: fmt
fmt: $(DEV) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lint
lint: $(DEV) ## style, spelling, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md docs tf2c tests kernels examples benchmarks
	$(BIN)/lint-imports

.PHONY: type
type: $(DEV) ## static types
	$(BIN)/pyright

.PHONY: lit
lit: $(DEV) ## IR tests with filecheck
	$(BIN)/lit -q tests

.PHONY: pytest
pytest: $(DEV) ## unit, property, end-to-end and convention tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

.PHONY: golden
golden: $(DEV) ## rewrite the golden files; review the change as code
	$(BIN)/python -m pytest --update-golden

.PHONY: docs
docs: $(DEV) ## write docs/reference from the tables of ops, passes and boards
	$(BIN)/python docs/generate_reference.py

.PHONY: bench
bench: $(DEV) ## measure; results go to benchmarks/results
	$(BIN)/python benchmarks/interactive.py
	$(BIN)/python benchmarks/compile.py

.PHONY: accuracy
accuracy: $(DEV) ## measure accuracy on the networks and images that TF2C_DATA names (half an hour)
	$(BIN)/python benchmarks/accuracy.py

.PHONY: simulation
simulation: $(DEV) ## time the executors beside the scripts that TF2C_PEERS names (half an hour)
	$(BIN)/python benchmarks/simulation.py

.PHONY: train
train: $(BIN)/python ## train the bundled network again (installs PyTorch)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'
	$(BIN)/python examples/digits/train.py

.PHONY: clean
clean: ## remove what was built, and the environment
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
