# Everything here needs python3 (3.11 or newer) and make, and nothing else: the rest is set up in .venv.
# Another Python: make PYTHON=python3.12 test. Some tests only: make test ARGS="-k grid".
PYTHON = python3
ARGS =

.DEFAULT_GOAL := help
.PHONY: help install demo test check format samples bench accuracy train-reader train-hip-reader clean

help:
	@echo "make demo     plan the sample series; says where the results are (demo_out/)"
	@echo "make install  set up .venv with the program, and no more"
	@echo "make test     run all tests"
	@echo "make check    lint, format, types and import contracts"
	@echo "make format   put the code into the house's format"
	@echo "make samples  make sample_dicoms/ anew from the phantoms"
	@echo "make bench    how long everything takes beside other programs; half an hour (ARGS=load for a part)"
	@echo "make accuracy each step's errors on phantoms whose truth is known (an hour the first time; ARGS=\"--only NAME\")"
	@echo "make train-reader  train the networks that read halos, on 86 simulated patients; hours (build/reader/screw.npz)"
	@echo "make train-hip-reader  the same of gaps round stems and cups, on 112 simulated hips (build/reader/hip.npz)"
	@echo "make clean    remove all that these made, .venv too"

install:
	@.ci/install runtime $(PYTHON)

demo:
	@.ci/install runtime $(PYTHON)
	@.venv/bin/cement-planner demo -o demo_out --overwrite

test:
	@.ci/install dev $(PYTHON)
	@.ci/run-tests $(ARGS)

check:
	@.ci/install dev $(PYTHON)
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet || { echo "not in the house's format: make format mends it"; exit 1; }
	@.venv/bin/mypy --no-error-summary
	@said=$$(.venv/bin/lint-imports --no-logo) || { echo "$$said"; exit 1; }
	@echo "lint, format, types and import contracts: all well"

format:
	@.ci/install dev $(PYTHON)
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet

samples:
	@.ci/install runtime $(PYTHON)
	@.ci/samples

bench:
	@.ci/install dev $(PYTHON)
	@.venv/bin/python benchmarks/speed.py $(or $(ARGS),all)

accuracy:
	@.ci/install dev $(PYTHON)
	@.venv/bin/python benchmarks/accuracy.py $(ARGS)

# The training patients alone first, then the spines to tune on, too. Two processes may make samples side by side:
# benchmarks/reader_samples.py, hip_reader_samples.py. The weights are put to use by hand: planner/segment/reading/.
READER = build/reader
TRAIN = .venv/bin/python benchmarks/reader_training.py --samples $(READER)
SPINES = --cases 0:40 41:69:2
HIPS = --reader hip --cases 0:112
train-reader:
	@.ci/install dev $(PYTHON)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	@$(TRAIN) $(SPINES) --epochs 90 --out $(READER)/first.npz $(ARGS)
	@$(TRAIN) $(SPINES) --epochs 75 --start $(READER)/first.npz \
	  --tables benchmarks/accuracy_cases.toml benchmarks/reader_cases.toml --out $(READER)/screw.npz $(ARGS)

train-hip-reader:
	@.ci/install dev $(PYTHON)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	@$(TRAIN) $(HIPS) --epochs 120 --out $(READER)/first-hip.npz $(ARGS)
	@$(TRAIN) $(HIPS) --epochs 260 --start $(READER)/first-hip.npz --out $(READER)/hip.npz $(ARGS)

clean:
	rm -rf .venv build dist demo_out .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find planner plugins tests -type d -name __pycache__ -prune -exec rm -rf {} +
