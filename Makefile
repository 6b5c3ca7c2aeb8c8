# `make` alone prints the targets. All work happens in .venv, target and dist; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/done
PIP := $(BIN)/python -m pip install --quiet
# Folders count too: a deleted file changes its folder only.
SOURCES := $(shell find rust python -name __pycache__ -prune -o ! -name '*.so' -print) \
	Cargo.toml Cargo.lock pyproject.toml README.md LICENSE THIRD_PARTY.md

.DEFAULT_GOAL := help
.PHONY: help setup demo test crash check bench docs fix check-rust check-python check-sdist
.DELETE_ON_ERROR:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DONE)/wheel $(DONE)/test $(DONE)/check ## make .venv with the release build and all tools
	@echo "ready: $(BIN)/tierkit, $(BIN)/pytest"

demo: $(DONE)/wheel ## govern a real traffic sample: live table, report and picture in demo-out (no network, no key)
	$(BIN)/tierkit demo --out demo-out

test: $(DONE)/wheel $(DONE)/test ## run all tests against the installed release build
	$(BIN)/python -m pytest

crash: $(DONE)/wheel $(DONE)/test ## kill a thousand processes, fail every call on the disk, cut the power, try schedules: look for anything lost
	$(BIN)/python tests/crash/crash_rounds.py --rounds 1000
	$(BIN)/python tests/crash/cache_rounds.py --rounds 1000
	$(BIN)/python tests/crash/failing_calls.py
	cargo test --package tierkit-store --locked --quiet -- --ignored many_cuts
	cargo test --package tierkit-core --locked --quiet -- --ignored many_lives

check: check-rust check-python test check-sdist ## what CI runs: format, lints, types, stubs, layers, all tests, the sdist

bench: $(DONE)/wheel $(DONE)/test $(DONE)/bench ## measure, as ratios to named peers in the same run
	$(BIN)/python -m pytest benches --benchmark-enable --benchmark-columns=median,iqr,ops --timeout=0 -s
	$(BIN)/python benches/peers_throttle.py

docs: $(DONE)/wheel $(DONE)/test ## build the Rust documentation and run every example in README, docs and docstrings
	cargo doc --workspace --no-deps --locked --quiet
	$(BIN)/python -m pytest tests/guards/test_examples.py

fix: $(DONE)/check ## format, apply safe lint fixes, list the crates in THIRD_PARTY.md again
	cargo fmt --all
	$(BIN)/ruff check --fix && $(BIN)/ruff format
	$(BIN)/python tools/third_party.py --write

check-rust:
	sh tools/preflight.sh rust-components
	cargo fmt --all --check
	cargo clippy --workspace --locked -- -D warnings
	cargo test --workspace --exclude tierkit-py --locked --quiet

check-python: $(DONE)/wheel $(DONE)/test $(DONE)/check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/api.py
	$(BIN)/stubtest tierkit._core --allowlist tests/typing/stubtest-allowlist.txt
	$(BIN)/lint-imports

check-sdist: $(DONE)/venv
	sh tools/sdist_imports.sh $(BIN)

$(DONE)/venv: tools/preflight.sh
	python="$$(PYTHON='$(PYTHON)' sh tools/preflight.sh)" && "$$python" -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1' 'maturin>=1.10,<2'
	@mkdir -p $(DONE) && touch $@

$(DONE)/wheel: $(DONE)/venv $(SOURCES)
	rm -rf dist/wheel && $(BIN)/maturin build --release --locked --quiet --out dist/wheel
	$(PIP) "$$(ls dist/wheel/*.whl)[cli]" && $(PIP) --force-reinstall --no-deps dist/wheel/*.whl
	@touch $@

$(DONE)/test $(DONE)/check $(DONE)/bench: $(DONE)/venv pyproject.toml
	$(PIP) --group $(@F)
	@touch $@
