# Two commands on a fresh machine with Python 3.11, pip and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
UTILBENCH := $(BIN)/utilbench
# The demo looks at this many of the 6,000 scenes.
DEMO := --limit 1000 --results demo

.PHONY: demo test check results clean

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[lite,dev]'
	touch $@

demo: .venv/.installed  ## Label, run and rank the embedded suite on 1,000 of its 6,000 scenes, into demo/.
	@echo "A quick look at 1,000 of the 6,000 scenes of the suite glyphs, combined labels, one seed."
	$(UTILBENCH) label glyphs $(DEMO)
	$(UTILBENCH) run chance jpeg_quality ssim resnet18 resnet18_paper -s glyphs $(DEMO)
	$(UTILBENCH) rank glyphs $(DEMO)

test: .venv/.installed  ## All tests but the slow ones.
	$(BIN)/python -m pytest -q

check: .venv/.installed  ## Lint, format, types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

ALL := chance jpeg_quality ssim resnet18
results: .venv/.installed  ## Make all committed results again; needs UTILBENCH_DATA and UTILBENCH_NETWORKS. Resumable, hours.
	$(UTILBENCH) label glyphs
	$(UTILBENCH) run $(ALL) -s glyphs -l all
	$(UTILBENCH) run resnet18_paper -s glyphs
	$(UTILBENCH) label imagenet-lite
	$(UTILBENCH) run $(ALL) -s imagenet-lite -l all
	$(UTILBENCH) run resnet18_paper -s imagenet-lite
	$(UTILBENCH) run $(ALL) -s imagenet-lite-plain
	$(UTILBENCH) rank

clean:  ## Remove what the demo made.
	rm -rf demo
