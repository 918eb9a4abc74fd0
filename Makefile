# The commands of README.md and CONTRIBUTING.md. Everything is installed into .venv, with the versions
# in constraints.txt. It is installed again only when pyproject.toml or constraints.txt changes.

RAW ?= data/raw
OUT ?= artifacts
RUNS ?= runs
WORKERS ?=
TRAIN_OPTIONS ?=
BENCH ?= data/bench
BENCH_OPTIONS ?=
FUZZ_OPTIONS ?=
PYTHON ?= python3

BIN := .venv/bin
INSTALLED := .venv/.installed
# A folder that somebody named must exist; the default one need not, and then sample data is made.
RAW_OPTION := $(if $(filter file,$(origin RAW)),,--raw "$(RAW)")

WORKERS_OPTION := $(if $(WORKERS),--workers $(WORKERS),)

.DEFAULT_GOAL := help
.PHONY: help preprocess train test test-torchtext test-frameworks test-ray fuzz bench bench-load bench-preprocess bench-scale bench-accuracy bench-paired check docs format clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 26
	@echo '  RAW=$(RAW) OUT=$(OUT) RUNS=$(RUNS) WORKERS=$(WORKERS) TRAIN_OPTIONS=$(TRAIN_OPTIONS)'

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'shardmill needs Python 3.11 or newer; name one with make PYTHON=...'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[train,dev,docs]'
	@touch $@

preprocess: $(INSTALLED)  ## raw files in RAW (or sample data) to artifacts in OUT
	$(BIN)/shardmill preprocess $(RAW_OPTION) --out "$(OUT)" $(WORKERS_OPTION) --sample data/sample

train: $(INSTALLED)  ## train a baseline on every artifact in OUT, results in RUNS
	$(BIN)/shardmill train --artifacts "$(OUT)" --out "$(RUNS)" $(TRAIN_OPTIONS)

test: $(INSTALLED)  ## run the tests; SHARDMILL_RAW names a folder of real raw files
	$(BIN)/python -m pytest -q

# What is left out: training, which wants a newer torch, and what takes long.
test-torchtext: SLOW := $(addprefix training/,models run settings show saved/test_export.py) datasets/test_loader_ranks.py pipeline/sample test_docs_blocks.py test_end_to_end.py test_types.py
test-torchtext: .venv-torchtext/.installed  ## tests against the real torchtext, on its old torch
	.venv-torchtext/bin/python -m pytest -q $(addprefix --ignore tests/,$(SLOW))

# By itself, since it pins an old torch, and that an old numpy.
.venv-torchtext/.installed: pyproject.toml constraints-torchtext.txt
	test -x .venv-torchtext/bin/python || $(PYTHON) -m venv .venv-torchtext
	.venv-torchtext/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-torchtext.txt --editable '.[torchtext,train,dev]'
	@touch $@

test-frameworks: $(INSTALLED)  ## run the pages about other frameworks, each with the wheel alone in an environment
	rm -rf build/wheel && $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python tests/support/run_frameworks.py --wheel build/wheel/*.whl --out .venv-frameworks

test-ray: .venv-ray/.installed  ## build on a Ray cluster of three machines in a network of their own, and kill some (Linux)
	unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc \
		.venv-ray/bin/python tests/support/ray_cluster.py $(RAY_OPTIONS)

.venv-ray/.installed: pyproject.toml constraints.txt
	test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[ray,cloud]' 'moto[s3,server]'
	@touch $@

fuzz: $(INSTALLED)  ## damage artifacts and models, and read them: FUZZ_OPTIONS="--cases N --seed N"
	$(BIN)/python tests/support/fuzz_artifacts.py $(FUZZ_OPTIONS)

bench: bench-load bench-preprocess bench-scale bench-accuracy  ## all benchmarks

bench-load: .venv-bench/.installed .venv-mosaicml/.installed  ## batches against other libraries', on real files in RAW
	.venv-bench/bin/python benchmarks/bench_load.py --raw "$(RAW)" --out "$(BENCH)" \
		--mosaicml-python .venv-mosaicml/bin/python

bench-preprocess: .venv-bench/.installed .venv-mosaicml/.installed  ## builds against other libraries', on real files in RAW
	.venv-bench/bin/python benchmarks/bench_preprocess.py --raw "$(RAW)" --out "$(BENCH)" \
		--mosaicml-python .venv-mosaicml/bin/python $(BENCH_OPTIONS)

bench-scale: $(INSTALLED)  ## what opening, memory and shuffling take as data grow
	$(BIN)/python benchmarks/bench_scale.py --out "$(BENCH)"

bench-accuracy: .venv-accuracy/.installed  ## what the baselines reach, beside scikit-learn and fastText, on real files in RAW
	.venv-accuracy/bin/python benchmarks/bench_accuracy.py --raw "$(RAW)" --out "$(BENCH)"

bench-paired: $(INSTALLED)  ## batches and builds of two source trees: BENCH_OPTIONS="--before TREE --after TREE"
	$(BIN)/python benchmarks/bench_paired.py --raw "$(RAW)" --out "$(BENCH)" $(BENCH_OPTIONS)

.venv-bench/.installed: pyproject.toml constraints.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[bench]'
	@touch $@

# By itself, since LitData brings a torchvision, with which Lightning cannot be imported here.
.venv-accuracy/.installed: pyproject.toml constraints.txt
	test -x .venv-accuracy/bin/python || $(PYTHON) -m venv .venv-accuracy
	.venv-accuracy/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[train,accuracy]'
	@touch $@

# By itself, since it pins another numpy.
.venv-mosaicml/.installed: constraints.txt
	test -x .venv-mosaicml/bin/python || $(PYTHON) -m venv .venv-mosaicml
	.venv-mosaicml/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt torch mosaicml-streaming
	@touch $@

check: $(INSTALLED)  ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The variable silences a notice that mkdocs-material prints about the future of mkdocs.
docs: $(INSTALLED)  ## build the documentation into site/, warnings being errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

format: $(INSTALLED)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove everything that was built, downloaded data excepted
	rm -rf .venv .venv-accuracy .venv-bench .venv-frameworks .venv-mosaicml .venv-torchtext build dist site runs data/sample data/bench .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find artifacts -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
