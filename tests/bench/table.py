"""Figures of a run of pytest-benchmark as a table: `python -m tests.bench.table results/studies/bench.json`."""

import json
import sys
from pathlib import Path


def rows(found):
    """One line a figure: its name, value, aim, and what it was made of."""
    yield "| figure | found | aim | of |"
    yield "| --- | --- | --- | --- |"
    for told in (figure for one in found["benchmarks"] for figure in one["extra_info"]["figures"]):
        made_of = ", ".join(f"{key.replace('_', ' ')} {shown(value)}" for key, value in told["made_of"].items())
        yield f"| {told['figure']} | {shown(told['value'])} | {told['aim']} | {made_of} |"


def shown(value):
    """Four digits of a number; a text as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(file):
    """Write the table beside the JSON, and print it."""
    found = json.loads(Path(file).read_text(encoding="utf-8"))
    machine = found["machine_info"]
    text = f"{machine['cpu']['count']} cores, {machine['cpu']['brand_raw']}, Python {machine['python_version']}"
    lines = [text, "", *rows(found)]
    Path(file).with_suffix(".md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1])
