# Two commands on a fresh machine with Python >= 3.11 and nothing else: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
TOPIC ?= baselines
export DAGSTER_HOME ?= $(CURDIR)

.PHONY: help setup allen run test results docs tutorial ui lint types lock clean

help:            ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup:           ## install everything into .venv (at once when it is up to date)
	@$(PYTHON) bootstrap.py

allen:           ## install allensdk into an environment of its own, .venv-allen (needs Python 3.11)
	@$(PYTHON) bootstrap.py allen

run: setup       ## run the pipeline on the simulated sessions, print the leaderboard and the report's path
	@$(BIN)/neuropipe run --leaderboard --session 'sim-*small'

test: setup      ## run all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

results: setup   ## measure the numbers of docs/results/$(TOPIC).csv
	@$(BIN)/python -m benchmarks.results $(TOPIC)

docs: setup      ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo site/index.html

tutorial: setup  ## execute docs/tutorial.ipynb in place
	@PYTHONPATH=. $(BIN)/python docs/hooks/tutorial.py

ui: setup        ## the Dagster web UI on http://127.0.0.1:3000
	@$(BIN)/neuropipe ui

lint: setup      ## ruff: style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup     ## pyright over neuropipe/
	@$(BIN)/pyright --pythonpath $(BIN)/python

lock: setup      ## resolve locks/requirements.in and allen.in into locks/main.txt and allen.txt
	cd locks && ../$(BIN)/uv pip compile requirements.in --universal --python-version 3.11 --override overrides.txt \
		--generate-hashes --quiet --custom-compile-command "make lock" --output-file main.txt
	cd locks && ../$(BIN)/uv pip compile allen.in --universal --python-version 3.11 \
		--generate-hashes --quiet --custom-compile-command "make lock" --output-file allen.txt

clean:           ## remove the environments; artifacts and downloads stay
	rm -rf .venv .venv-allen
