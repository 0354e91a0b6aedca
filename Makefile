# `make demo` runs the product, `make test` the tests, `make check` the static checks; `make` alone lists all.
# Everything goes into .venv; what is up to date takes no time.

.DEFAULT_GOAL := help
.PHONY: help demo services test check format adapter towers bench screenshots lock clean
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
# The newest of what is there and works; Debian 12 has 3.11.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
RUN := $(BIN)/python

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 20

demo: .venv/demo.stamp  ## set everything up and run it; HOST, PORT and RECGPT_DATA_DIR say where
	@exec $(RUN) manage.py demo --end-with-parent

services: .venv/demo.stamp  ## run PostgreSQL, Valkey and the small model alone, for development
	@exec $(RUN) manage.py services --llm --end-with-parent

test: .venv/dev.stamp  ## run all tests; PYTEST_ARGS="tests/judge -x" for some
	@$(RUN) -m tests.support.chromium --ensure
	@$(RUN) -m tests.support.vllm_server --ensure
	$(RUN) -m pytest $(PYTEST_ARGS)

check: .venv/dev.stamp  ## ruff, mypy --strict, layers, migrations, settings, templates, API schema
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(RUN) -m tests.support.checks

format: .venv/dev.stamp  ## let ruff write the code's layout
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

adapter: .venv-train/train.stamp  ## train the embedded model's adapters (needs torch; two hours)
	.venv-train/bin/python -m training.adapter all

towers: .venv-train/train.stamp  ## train the three towers on the database's behaviours (needs torch; minutes)
	.venv-train/bin/python -m training.towers all

bench: .venv/bench.stamp  ## run the benchmarks
	@for file in benchmarks/*/run.py; do \
		name="benchmarks.$$(basename "$$(dirname "$$file")").run"; echo "$$name"; $(RUN) -m "$$name" || exit 1; done

screenshots: .venv/dev.stamp  ## take docs/images/ anew, of the demo that runs in another terminal
	@$(RUN) -m tests.support.chromium --ensure
	@$(RUN) -m tests.support.screenshots

lock: .venv/uv.stamp  ## resolve requirements/*.txt anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra embedded --extra demo \
		--no-header --no-annotate pyproject.toml -o requirements/demo.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra embedded --extra demo --extra dev \
		--no-header --no-annotate pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --extra embedded --extra demo --extra dev --extra bench \
		--no-header --no-annotate pyproject.toml -o requirements/bench.txt

clean:  ## remove the environments and caches; data folders stay
	rm -rf .venv .venv-train .venv-vllm .mypy_cache .ruff_cache .pytest_cache .import_linter_cache staticfiles

# Environments. The lock files are complete, and some wheels declare dependencies that are not wanted: --no-deps.
# uv is the fast way; where it finds no way to the index (it does not read pip's configuration), pip is the sure one.

.venv/demo.stamp: requirements/demo.txt | .venv/uv.stamp
	@echo "Installing the dependencies of the demo …"
	@$(call install,$(BIN),requirements/demo.txt)
	@touch $@

.venv/dev.stamp: requirements/dev.txt | .venv/uv.stamp
	@echo "Installing the dependencies of the tests …"
	@$(call install,$(BIN),requirements/dev.txt)
	@touch $@ .venv/demo.stamp

.venv/bench.stamp: requirements/bench.txt | .venv/uv.stamp
	@echo "Installing the dependencies of the benchmarks …"
	@$(call install,$(BIN),requirements/bench.txt)
	@touch $@ .venv/dev.stamp .venv/demo.stamp

# By pip alone: it also sees a CPU build of torch that lies on disk.
.venv-train/train.stamp: requirements/train.txt | .venv-train/uv.stamp
	@echo "Installing the dependencies of the training, with torch …"
	@.venv-train/bin/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/.*(pip install \(torch==[0-9.]*\)).*/\1/p' requirements/train.txt)"
	@.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/train.txt
	@touch $@

%/uv.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@echo "Making the environment $* with $(PYTHON) …"
	@$(PYTHON) -m venv $* || { echo "Could not make $*. On Debian: apt-get install python3-venv"; rm -rf $*; exit 1; }
	@$*/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		|| echo "uv is not to be had here; pip it is."
	@touch $@

install = $(1)/uv pip install --quiet --system-certs --python $(1)/python --no-deps -r $(2) 2>$(1)/../uv.log \
	|| { echo "uv could not (see .venv/uv.log); pip takes over, which is slower …"; \
	$(1)/python -m pip install --quiet --disable-pip-version-check --no-deps -r $(2); }
