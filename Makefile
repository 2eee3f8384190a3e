# Every target builds and reuses .venv with plain pip. The README gives the same steps without make.
PYTHON ?= python3
BIN := .venv/bin
QUICK := results/quickstart
SITE_PROFILE ?= quick
LESSONS := $(sort $(wildcard notebooks/*.ipynb))

VOILA := --Voila.ip=127.0.0.1 --TagRemovePreprocessor.enabled=True --TagRemovePreprocessor.remove_cell_tags=not-in-app --ExecutePreprocessor.timeout=120

# Compiled modules are kept, whatever the caller's environment says: a kernel then starts in half the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help quickstart test test-browser test-colab lab app site thumbnails slides bench clean

quickstart: .venv/ready  ## run lesson 1 on digits with 5 trials: an HTML page, figures and a table (the default)
	mkdir -p $(QUICK)
	LTHLIB_STATIC=1 $(BIN)/papermill notebooks/01_*.ipynb $(QUICK)/lesson.ipynb --execution-timeout 600 --no-progress-bar --log-level WARNING \
		-p trials 5 -p results $(QUICK)/store -p output $(QUICK)
	$(BIN)/jupyter nbconvert --log-level WARN --to html --output-dir $(QUICK) --TagRemovePreprocessor.enabled=True \
		--TagRemovePreprocessor.remove_input_tags=hide-input $(QUICK)/lesson.ipynb
	$(BIN)/python -m lthlib hunt --task lenet-digits --trials 5 --controls reinit --results $(QUICK)/store
	@echo && echo "The lesson as a page: $(QUICK)/lesson.html, its figures beside it."

test: .venv/ready-dev  ## lint, import contract, types, unit tests, and every lesson at profile smoke
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests
	rm -rf build/smoke && mkdir -p build/smoke
	for lesson in $(LESSONS); do \
		$(BIN)/papermill $$lesson build/smoke/$$(basename $$lesson) --prepare-only --no-progress-bar --log-level WARNING \
			-p profile smoke || exit 1; done
	LTHLIB_STRICT=1 LTHLIB_RESULTS=$(CURDIR)/build/smoke/store $(BIN)/python -m pytest -n 2 --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=300 build/smoke

lab: .venv/ready  ## open JupyterLab on the lessons
	$(BIN)/jupyter lab --notebook-dir=. notebooks/

app: .venv/ready-app  ## serve lesson 0 as an app, without its code (Voila)
	$(BIN)/voila notebooks/00_look_first.ipynb $(VOILA)

slides: .venv/ready  ## the slides of the two-hour workshop, one HTML file: build/slides.html
	mkdir -p build
	$(BIN)/python -m lthlib slides --html build/slides.html --force

site: .venv/ready-site  ## run the lessons (SITE_PROFILE=quick), and build a site of them in build/site, checked for broken links
	$(BIN)/python -m lthlib.pages.site --profile $(SITE_PROFILE)

thumbnails: .venv/ready-site  ## a small picture of every lesson for the README's table, from the runs of `make site`
	$(BIN)/python -m lthlib.pages.site --profile $(SITE_PROFILE) --thumbnails

test-browser: .venv/ready-dev .venv/ready-app  ## try lesson 0 in Chromium, in JupyterLab and Voila, and the explorer as a page
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[browser]"
	$(BIN)/python -m pytest tests/browser

test-colab: .venv/ready-dev .venv-colab/ready  ## run every lesson with Colab's versions, from its set-up cell on
	$(BIN)/python -m pytest tests/colab

bench: .venv/ready-dev  ## measure speed, as ratios within one run: results/bench.json and a table
	$(BIN)/python -m tests.bench.run

.venv/ready: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[dev]"
	touch $@

.venv/ready-app: .venv/ready
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[app]"
	touch $@

.venv/ready-site: .venv/ready
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[site]"
	touch $@

.venv-colab/ready: tests/colab/requirements.txt
	test -x .venv-colab/bin/python || $(PYTHON) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --no-compile --requirement tests/colab/requirements.txt
	touch $@

clean:  ## remove what the targets made, but not the environment
	rm -rf build results/quickstart

# Plain awk, so that it works on macOS as well.
help:  ## print this list
	@awk -F ':.*## ' '/^[A-Za-z0-9_-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
