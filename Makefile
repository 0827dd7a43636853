# Every target builds its own .venv: nothing but Python 3.11+ has to be installed.
PYTHON ?= python3
BIN := .venv/bin
CHECKER := certificates/checker
# How long `make fuzz` runs, both targets together.
SECONDS_TO_FUZZ ?= 3600

.PHONY: help docs dist lock names verified demo test test-all test-installed test-notebooks arena arena-pack arena-manifest lint bench bench-strategies bench-ladders bench-audit study checker clean fuzz mutants kernel-mutants

help:
	@echo "make demo      prove and check max-of-4-seed-123 with five strategies (about a minute)"
	@echo "make test      formatting, lint, types and the fast tests (about ten minutes)"
	@echo "make test-all  the same with the exhaustive tests"
	@echo "make test-installed  run the wheel in an empty environment of each Python 3.11 to 3.14 that is found"
	@echo "make test-notebooks  run the notebooks in a fresh environment, with torch and TransformerLens"
	@echo "make arena     build its certificates and hostile files, and score the checker (a few minutes)"
	@echo "make dist      build sdist and wheel into out/dist, twice, and compare the bytes"
	@echo "make lock      look for newer releases of what the tests and the build need, and lock them"
	@echo "make verified  build the checker that is proved in Coq, and the proofs"
	@echo "make arena-pack  pack them, with their runner, for authors of other checkers"
	@echo "make docs      build the site of the documentation into out/site; a warning is an error"
	@echo "make bench     measure the figures of the README"
	@echo "make bench-strategies  prove one model with every strategy, beside the published bounds"
	@echo "make bench-ladders     ladders over the zoo beyond max-of-4 (about two hours, resumable)"
	@echo "make bench-audit       audit certificates of the study: hunts and mutants (hours, resumable)"
	@echo "make study     the whole study on the zoo, and its report, out/report.html (hours, resumable)"
	@echo "make fuzz      fuzz the checker by coverage for SECONDS_TO_FUZZ=$(SECONDS_TO_FUZZ); findings in out/fuzz"
	@echo "make mutants   ask about 100,000 mutated certificates (about an hour, resumable)"
	@echo "make kernel-mutants  spoil the checker in each spot, a test must fail (a quarter of an hour, resumable)"
	@echo "make checker   pack the standalone checker into one file, out/ballproof-checker.pyz"
	@echo "make clean     remove .venv and everything that was built"

demo: .venv/installed
	$(BIN)/ballproof demo

test: .venv/installed-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: .venv/installed-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-installed: dist
	bash tests/installed.sh

test-notebooks:
	PYTHON=$(PYTHON) bash tests/notebooks.sh

# Of the last commit, with the tools that release/build.txt locks.
dist: build/release/installed
	build/release/bin/python release/dist.py out/dist --twice

# Then `make test` and `make test-installed`, and look at the diff.
LOCK = build/lock/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv
	$(LOCK) release/build.in setup.cfg --extra test --output-file release/test.txt
	$(LOCK) release/build.in --constraint release/test.txt --output-file release/build.txt

# The checker that is proved in Coq (docs/formal.md), and the proofs; Debian 12 has what it needs:
# apt-get install coq libcoq-flocq ocaml-findlib ocaml-nox libzarith-ocaml-dev
verified:
	$(MAKE) -C formal
	$(MAKE) -C formal assumptions

# Any other checker: python out/arena/score.py -- COMMAND
arena: .venv/installed-test
	$(BIN)/python tests/arena/build.py
	$(PYTHON) out/arena/score.py -- $(PYTHON) -I -S $(CHECKER)

arena-pack: .venv/installed-test
	$(BIN)/python tests/arena/build.py --pack out/ballproof-arena.tar

# After a change of the cases or of the format: the diff of the manifest says what changed.
arena-manifest: .venv/installed-test
	$(BIN)/python tests/arena/build.py --manifest

lint: .venv/installed-test names
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd build/names && ../../$(BIN)/mypy --config-file ../../setup.cfg --cache-dir ../../.mypy_cache -p ballproof
	cd $(CHECKER) && MYPYPATH=. ../../$(BIN)/mypy --cache-dir ../../.mypy_cache/checker --config-file= --strict \
		--python-version 3.11 --explicit-package-bases .

# The import names as folders, for what reads sources without importing them.
names:
	rm -rf build/names
	mkdir -p build/names/ballproof
	ln -s $(CURDIR)/ballproof/*.py $(CURDIR)/ballproof/py.typed build/names/ballproof
	ln -s $(addprefix $(CURDIR)/,interval models verifier certificates) build/names/ballproof

docs: .venv/installed-docs names
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir out/site

bench: .venv/installed
	$(BIN)/python benchmarks/main_job.py

bench-strategies: .venv/installed
	mkdir -p docs/results
	$(BIN)/python benchmarks/all_strategies.py | tee docs/results/max-of-4-seed-123.md

bench-ladders: .venv/installed
	mkdir -p out docs/results
	$(BIN)/ballproof sweep 'max-of-5-seed-*' 'max-of-10-seed-*' 'max-of-10-of-128-*' 'max-of-20-seed-*' --strategies ladder --out out/study
	$(BIN)/python benchmarks/ladders.py out/study | tee docs/results/ladders.md

# Needs the folder of `make study`, or of any sweep.
bench-audit: .venv/installed
	mkdir -p out docs/results
	$(BIN)/python benchmarks/audit_zoo.py out/study --out out/audit.jsonl > docs/results/audit.md

# Stop it at any time: what is there is kept, and the report says what is missing.
study: .venv/installed-report
	mkdir -p docs/results
	$(BIN)/ballproof sweep 'max-of-4-seed-*' --strategies all --out out/study
	$(BIN)/ballproof sweep 'max-of-5-seed-*' 'max-of-10-seed-*' 'max-of-10-of-128-*' 'max-of-20-seed-*' --strategies all --out out/study
	$(BIN)/ballproof report out/study --out out/report.html --summary docs/results/study.md

fuzz: .venv/installed-fuzz
	for target in reader witness; do \
		$(BIN)/python tests/fuzz/run.py $$target --seconds $$(( $(SECONDS_TO_FUZZ) / 2 )) || exit 1; \
	done

mutants: .venv/installed-test
	mkdir -p docs/results
	$(BIN)/python benchmarks/mutated_certificates.py \
		--out out/mutants.jsonl --summary docs/results/mutated-certificates.md

# Stop it at any time: what is known is kept in out/kernel-mutants.
kernel-mutants: .venv/installed-test
	cd tests && ../$(BIN)/python -m kernel_mutants --survivors --jobs 2

checker:
	$(PYTHON) certificates/pack.py out/ballproof-checker.pyz

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# The tests run on the releases that are locked, hash by hash; a user's install takes what is newest.
.venv/installed-test: .venv/installed release/build.txt release/test.txt
	$(BIN)/python -m pip install --quiet --require-hashes --requirement release/build.txt --requirement release/test.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

build/release/installed: release/build.txt
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --require-hashes --requirement release/build.txt
	touch $@

.venv/installed-report: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# Without a wheel of atheris for this Python the fuzzer says how to install it.
.venv/installed-fuzz: .venv/installed-test
	-$(BIN)/python -m pip install --quiet --editable '.[fuzz]' && touch $@

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache
