# Two commands on a fresh machine with Python >= 3.11 and nothing else: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
TOPIC ?= baselines
export DAGSTER_HOME ?= $(CURDIR)

.PHONY: help setup run test figures ui lint lock clean

help:            ## say what there is
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup:           ## install everything into .venv (at once when it is up to date)
	@$(PYTHON) bootstrap.py

run: setup       ## run the pipeline on the simulated sessions, print the leaderboard and the report's path
	@$(BIN)/neuropipe run --session 'sim-*small'
	@$(BIN)/neuropipe leaderboard --session 'sim-*small'

test: setup      ## run all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

figures: setup   ## measure the figures of docs/results/$(TOPIC).csv
	@$(BIN)/python -m benchmarks.figures $(TOPIC)

ui: setup        ## the Dagster web UI on http://127.0.0.1:3000
	@$(BIN)/neuropipe ui

lint: setup      ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

lock: setup      ## resolve locks/requirements.in into locks/main.txt
	cd locks && ../$(BIN)/uv pip compile requirements.in --universal --python-version 3.11 --override overrides.txt \
		--generate-hashes --quiet --custom-compile-command "make lock" --output-file main.txt

clean:           ## remove the environment; artifacts and downloads stay
	rm -rf .venv
