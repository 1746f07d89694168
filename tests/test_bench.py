"""The benches are run by hand; that they can be, and that their table says what was found, is held here."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench import table

ROOT = Path(__file__).parents[1]


def test_benches_are_found():
    """`make bench` finds every bench: nothing that they import has gone."""
    files = sorted(map(str, (ROOT / "tests" / "bench").glob("bench_*.py")))
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *files]
    # pytest-benchmark does not measure in processes that share tests, and this one is none of them.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=alone)
    assert done.returncode == 0, done.stdout
    assert sum(line.startswith("tests/bench/") for line in done.stdout.splitlines()) >= len(files) > 2


def test_the_table_has_every_figure(tmp_path, capsys):
    """One line for each figure of each bench, with its aim and what it was made of, beside the JSON."""
    figures = [
        {"figure": "a / b", "value": 0.912345, "aim": ">= 0.90", "made_of": {"a_seconds": 9.12345, "sources": "10"}},
        {"figure": "c", "value": 2.0, "aim": "", "made_of": {}},
    ]
    machine = {"cpu": {"count": 2, "brand_raw": "some CPU"}, "python_version": "3.11.7"}
    found = {"machine_info": machine, "benchmarks": [{"extra_info": {"figures": [one]}} for one in figures]}
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(found))
    table.main(path)
    lines = path.with_suffix(".md").read_text().splitlines()
    assert lines[0] == "2 cores, some CPU, Python 3.11.7"
    assert lines[-2:] == ["| a / b | 0.9123 | >= 0.90 | a seconds 9.123, sources 10 |", "| c | 2 |  |  |"]
    assert lines[-1] in capsys.readouterr().out
