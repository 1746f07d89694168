"""Figures of a run of pytest-benchmark as a table, beside those of an earlier run if one is given.

    python -m tests.bench.table results/studies/bench.json
    python -m tests.bench.table new.json old.json

The second command ends with 1 where a figure has become worse by more than NOISE.
"""

import json
import sys
from pathlib import Path

NOISE = 0.15
"""Relative change that one run of these machines does not tell from none; figures are ratios within a run."""


def figures_of(file):
    """Name of each figure -> the figure."""
    run = json.loads(Path(file).read_text(encoding="utf-8"))
    return {figure["figure"]: figure for one in run["benchmarks"] for figure in one["extra_info"]["figures"]}


def rows(figures, before):
    """One line a figure: its name, value, aim, what it was before, and what it was made of."""
    yield f"| figure | found | aim |{' before |' if before else ''} of |"
    yield f"| --- | --- | --- |{' --- |' if before else ''} --- |"
    for name, figure in figures.items():
        made_of = ", ".join(f"{key.replace('_', ' ')} {shown(value)}" for key, value in figure["made_of"].items())
        mark = " (worse)" if name in before and is_worse(figure, before[name]) else ""
        earlier = f" {shown(before[name]['value']) if name in before else '-'}{mark} |" if before else ""
        yield f"| {name} | {shown(figure['value'])} | {figure['aim']} |{earlier} {made_of} |"


def is_worse(figure, before):
    """Whether a figure is farther from its aim than it was, by more than noise; one without a direction never is.

    Examples:
        >>> is_worse({"value": 0.7, "aim": ">= 0.90"}, {"value": 0.9}), is_worse({"value": 9.0, "aim": "< 20"}, {"value": 8.9})
        (True, False)
    """
    change = figure["value"] / before["value"] - 1
    direction = {"<": 1, ">": -1}.get(figure["aim"][:1], 0)
    return direction * change > NOISE


def shown(value):
    """Four digits of a number; a text as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(file, earlier=None):
    """Write the table beside the JSON, and print it; returns the names of the figures that have become worse."""
    machine = json.loads(Path(file).read_text(encoding="utf-8"))["machine_info"]
    figures, before = figures_of(file), figures_of(earlier) if earlier else {}
    text = f"{machine['cpu']['count']} cores, {machine['cpu']['brand_raw']}, Python {machine['python_version']}"
    lines = [text, "", *rows(figures, before)]
    if not earlier:
        Path(file).with_suffix(".md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))
    return [name for name in figures if name in before and is_worse(figures[name], before[name])]


if __name__ == "__main__":
    if worse := main(*sys.argv[1:]):
        sys.exit(f"worse than before by more than {NOISE:.0%}: {'; '.join(worse)}")
