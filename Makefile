# Call Console: `make run` on a fresh machine sets everything up and opens the screen; `make test` runs every test.

.DEFAULT_GOAL := help
.PHONY: help run install test bench bench-long soak lint format words wheel lock audit compare-sdk clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.ready-for-tests
SDK := build/bench-sdk/.ready
WORKERS ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:
	@echo 'make run       set up if needed, then open the console'
	@echo 'make install   set up only: a virtual environment in $(VENV) with the console in it'
	@echo 'make test      set up if needed, then check the code and run every test'
	@echo 'make soak      up to an hour: all pairs of faults, 500 randomly faulted calls, 1,000 plain ones (SOAK=--help)'
	@echo 'make bench     measure everything in docs/performance.md (15 minutes at most) and write its tables'
	@echo 'make bench-long  the same with ten minutes of audio for each format'
	@echo 'make lint      ruff and mypy only'
	@echo 'make format    let ruff format the code'
	@echo 'make words     bring the Russian catalogues up to date with the source'
	@echo 'make wheel     build dist/*.whl'
	@echo 'make lock      lock the dependencies anew, with the hash of every file (LOCK=--upgrade: newest versions)'
	@echo 'make audit     look the locked packages up among the known vulnerabilities'
	@echo 'make compare-sdk  run the same sessions with the official ElevenLabs SDK and with ours'
	@echo 'make clean     remove what these commands made'

run: $(READY)
	@$(BIN)/call-console

install: $(READY)

# Made anew only when the dependencies may have changed.
$(READY): pyproject.toml requirements-run.lock $(BIN)/python
	@BIN=$(BIN) sh tools/install.sh requirements-run.lock "Call Console into $(VENV)"
	@touch $@

$(TOOLS): pyproject.toml requirements.lock $(BIN)/python
	@BIN=$(BIN) sh tools/install.sh requirements.lock "Call Console and what its tests need into $(VENV)"
	@touch $(READY) $@

$(BIN)/python:
	@python=$$(sh tools/find_python.sh) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

test:
	@sh tools/test_packages.sh
	@$(MAKE) --no-print-directory $(TOOLS)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(PYTEST) || { \
	  echo; echo 'FAILED beside other tests. Once more, alone: what passes now depends on the load of the machine.'; \
	  $(BIN)/python -m pytest --numprocesses 0 --last-failed --last-failed-no-failures none --snapshot-warn-unused \
	    $(PYTEST); }
	@$(MAKE) --no-print-directory audit || [ -z "$$CI" ]

# The official SDK and the PyAudio that it plays on, which nothing else needs. Without them their part is left out.
$(SDK): pyproject.toml constraints.txt $(TOOLS)
	@sh tools/test_packages.sh portaudio19-dev python3-dev gcc libc6-dev
	@echo 'Installing the official ElevenLabs SDK into build/bench-sdk, for the comparison...'
	@$(BIN)/python -m venv build/bench-sdk
	@build/bench-sdk/bin/python -m pip install --quiet --constraint constraints.txt \
	  --editable '.[sdk]' 'pyaudio==0.2.14' && touch $@ || { rm -rf build/bench-sdk; \
	  echo 'NOT INSTALLED: the official SDK; the benchmark goes on without the comparison.'; }

# On a machine that does nothing else. BENCH='--only answer --quick' measures a part of it, and writes nothing.
bench bench-long: $(TOOLS) $(SDK)
	@sh tools/test_packages.sh
	@$(BIN)/python -m tests.bench $(if $(filter bench-long,$@),--long) \
	  $(or $(BENCH),--json docs/performance.json --write docs/performance.md)

soak: $(TOOLS)
	$(BIN)/python -m tests.faults.soak $(SOAK)
	STOPPED_SECONDS=60 $(BIN)/python -m pytest tests/faults/test_console_process.py -k stopped_and_continued

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(TOOLS)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

words: $(TOOLS)
	@$(BIN)/python tools/words.py

wheel: $(READY)
	@$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

# LOCK=--upgrade takes the newest versions; without it, only what pyproject.toml has changed.
lock:
	@sh tools/lock.sh $(LOCK)

# Exit 1 for a known vulnerability. What cannot be looked up is no pass, and no failure: it prints NOT AUDITED.
audit: $(READY)
	@$(BIN)/python tools/audit.py

# A few minutes; installs the extra sdk, which nothing else needs, and renews the table in the document.
compare-sdk: $(TOOLS)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sdk]'
	@$(BIN)/python -m tests.sdk.compare --write docs/sdk-comparison.md

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
