PYTHON ?= python3
BIN := .venv/bin
ASSIGNER ?= autoassign

.PHONY: install demo test bench

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@

demo: install
	$(BIN)/python experiments/run.py --assigner $(ASSIGNER) --dataset shapes

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

bench: install
	$(BIN)/python -m experiments.bench
