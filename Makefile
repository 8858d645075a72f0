# `make run` and `make test` set everything up by themselves; see `make help`.
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PEERS := .venv-peers
BASE := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { command -v $$p; break; }; done)

.PHONY: help run test check format bench bench-peers clean

help:
	@echo "make run     set up, then open the studio on an example (without a display: train it here)"
	@echo "make test    set up, then run the tests"
	@echo "make check   formatting, lint and types"
	@echo "make bench   measure the figures, each against its rival in one run"
	@echo "make bench-peers  measure training against Keras and Lightning, in an environment of their own"
	@echo "make format  put the code into shape"
	@echo "make clean   remove the virtual environment and caches"

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(BASE)" ]; then \
		echo "Netloom needs Python 3.11, 3.12 or 3.13 with venv; install one (Debian: apt-get install python3-venv)."; \
		exit 1; \
	fi
	@[ -x $(PYTHON) ] || { echo "Making a virtual environment in $(VENV) with $(BASE)"; $(BASE) -m venv $(VENV); }
	@echo "Installing pinned packages (PyTorch is large: this takes some minutes the first time)"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(READY)
	@sh .ci/system-libraries
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		exec $(VENV)/bin/netloom resources/examples/digits_cnn.netloom; \
	else \
		echo "There is no display here, so the digits example is trained in the terminal."; \
		exec $(VENV)/bin/netloom train resources/examples/digits_cnn.netloom; \
	fi

test: $(READY)
	@sh .ci/system-libraries test
	$(PYTHON) -m pytest -n 2 --dist loadgroup

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(READY)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(READY)
	@sh .ci/system-libraries test
	$(PYTHON) -m tests.bench $(ONLY)

$(PEERS)/.ready: tests/bench/peers/requirements.txt $(READY)
	@[ -x $(PEERS)/bin/python ] || $(BASE) -m venv $(PEERS)
	@echo "Installing Keras, TensorFlow and Lightning into $(PEERS) (large: this takes some minutes the first time)"
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/bench/peers/requirements.txt
	@touch $@

bench-peers: $(PEERS)/.ready
	$(PYTHON) -m tests.bench.peers $(PEERS)/bin/python

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
