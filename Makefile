PYTHON ?= python3
BIN := .venv/bin
ASSIGNER ?= autoassign
DEMO := --set model.width=0.5 --set schedule.batch=8 --set optimizer.lr=2e-3 --set schedule.evaluations=6

.PHONY: install demo test bench soak

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@

demo: install
	$(BIN)/python experiments/run.py --assigner $(ASSIGNER) --dataset shapes $(DEMO)

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: install
	$(BIN)/python -m experiments.bench

soak: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.kills --kills 200
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.writes
	$(BIN)/python -m tests.soak.full_size
	ASSIGNBENCH_FUZZ_EXAMPLES=12000 $(BIN)/python -m pytest -s $(sort $(shell find tests -name test_fuzz.py))
