# Two commands matter: `make demo` and `make test`. Each sets up what it needs by itself.
PYTHON ?= python3
VENV   ?= .venv
# Optional: the address of an index with CPU builds of torch (saves about 4 GB on Linux):
#   make setup TORCH_INDEX=https://…
TORCH_INDEX ?=
BIN := $(VENV)/bin
EXTRAS := gnn,linkage,neo4j,kafka,dev

.PHONY: help setup system demo test lint bench clean
help:            ## what can be asked of make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(VENV)/.complete   ## makes .venv with everything in it; quick when nothing changed

$(VENV)/.complete: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11 to 3.13 is needed; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(BIN)/pip install -q --index-url $(TORCH_INDEX) -c constraints.txt torch)
	$(BIN)/pip install -q -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

demo: setup      ## simulate a shop, resolve, train, evaluate, ask, serve
	$(BIN)/cdp demo $(DEMO)

system: setup    ## what the tests need beside Python: looked for, installed where that can be done
	$(BIN)/python tests/support/system_tools.py

test: setup system lint  ## every check and every test
	$(BIN)/python -m pytest $(TESTS)

lint: setup      ## ruff, mypy strict, the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup     ## every benchmark, one after the other
	@for script in $$(grep -l "__main__" benchmarks/*.py); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:           ## takes away what setup and system made
	rm -rf $(VENV) tests/clients/node_modules
