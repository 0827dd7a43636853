# Every target builds its own .venv: nothing but Python 3.11+ has to be installed.
PYTHON ?= python3
BIN := .venv/bin
CHECKER := certificates/checker

.PHONY: help demo test test-all lint bench bench-strategies bench-ladders study mutants checker clean

help:
	@echo "make demo      prove and check max-of-4-seed-123 with five strategies (about a minute)"
	@echo "make test      formatting, lint, types and the fast tests (under 10 minutes)"
	@echo "make test-all  the same with the exhaustive tests"
	@echo "make bench     measure the figures of the README"
	@echo "make bench-strategies  prove one model with all 156 strategies, beside the published bounds"
	@echo "make bench-ladders     ladders over the zoo beyond max-of-4 (about two hours, resumable)"
	@echo "make study     the whole study on the zoo, and its report, out/report.html (hours, resumable)"
	@echo "make mutants   spoil the checker in each spot, a test must fail (an hour, resumable)"
	@echo "make checker   pack the standalone checker into one file, out/ballproof-checker.pyz"
	@echo "make clean     remove .venv and everything that was built"

demo: .venv/installed
	$(BIN)/ballproof demo

test: .venv/installed-test lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: .venv/installed-test lint
	$(BIN)/python -m pytest -n 2

lint: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd $(CHECKER) && MYPYPATH=. ../../$(BIN)/mypy --cache-dir ../../.mypy_cache/checker --config-file= --strict \
		--python-version 3.11 --explicit-package-bases .

bench: .venv/installed
	$(BIN)/python benchmarks/main_job.py

bench-strategies: .venv/installed
	mkdir -p docs/results
	$(BIN)/python benchmarks/all_strategies.py | tee docs/results/max-of-4-seed-123.md

bench-ladders: .venv/installed
	mkdir -p out docs/results
	$(BIN)/python benchmarks/ladders.py --out out/ladders.jsonl | tee docs/results/ladders.md

# Stop it at any time: what is there is kept, and the report says what is missing.
study: .venv/installed-report
	mkdir -p docs/results
	$(BIN)/ballproof sweep 'max-of-4-*' --strategies all --out out/study
	$(BIN)/ballproof sweep 'max-of-5-*' 'max-of-10-*' 'max-of-20-*' --strategies all --out out/study
	$(BIN)/ballproof report out/study --out out/report.html --summary docs/results/study.md

# Stop it at any time: what is known is kept in out/kernel-mutants.
mutants: .venv/installed-test
	cd tests && ../$(BIN)/python -m kernel_mutants --survivors

checker:
	$(PYTHON) certificates/pack.py out/ballproof-checker.pyz

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv/installed-report: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	touch $@

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache
