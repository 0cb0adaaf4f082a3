# Everything a developer does. The environment is created on first use and again when the pins change.
# To use another directory or interpreter: make test VENV=elsewhere/venv PYTHON=python3.12

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
LUTHIER := $(BIN)/luthier
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -q --numprocesses=auto --maxprocesses=4 --dist worksteal

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## create the environment in .venv

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[demo,dev,excel]'
	touch $@

.PHONY: demo
demo: $(INSTALLED) ## fine-tune a small model on news articles and write its report
	$(LUTHIER) train demo/few-labels.toml
	$(LUTHIER) train demo/full.toml

.PHONY: test
test: $(INSTALLED) ## run the quick tests
	$(PYTEST)

.PHONY: test-slow
test-slow: $(INSTALLED) ## run the slow tests
	$(PYTEST) -m slow

.PHONY: test-all
test-all: $(INSTALLED) ## run every test
	$(PYTEST) -m ''

.PHONY: lint
lint: $(INSTALLED) ## check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: style
style: $(INSTALLED) ## auto-format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: $(INSTALLED) ## compare with other trainers, see bench/README.md
	$(BIN)/python -m bench

.PHONY: docs
docs: $(INSTALLED) ## write the generated pages of docs/
	$(BIN)/python -m docs.generate
