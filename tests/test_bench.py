"""The benches are run by hand; that they can be, and that their table says what was found, is held here."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import table

ROOT = Path(__file__).parents[1]


BENCHES = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("bench_*.py"))


@pytest.mark.parametrize("name", BENCHES)
def test_benches_are_found(name):
    """`make bench` finds benches in every file: nothing that they import has gone."""
    assert [test for test in vars(importlib.import_module(f"tests.bench.{name}")) if test.startswith("test_")]


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


@pytest.mark.parametrize(
    ("aim", "before", "now", "worse"),
    [
        (">= 0.90", 0.9, 0.7, True),
        (">= 0.90", 0.7, 0.9, False),
        ("< 20", 10.0, 12.0, True),
        ("< 20", 12.0, 10.0, False),
        ("< 20", 10.0, 11.0, False),
        ("", 1.0, 9.0, False),
    ],
)
def test_two_runs_are_compared(aim, before, now, worse, tmp_path):
    """What has become worse by more than noise is named, and ends the command with 1; new figures have nothing before."""
    machine = {"cpu": {"count": 2, "brand_raw": "some CPU"}, "python_version": "3.11.7"}
    for name, value in (("old", before), ("new", now)):
        figures = [{"figure": "a / b", "value": value, "aim": aim, "made_of": {}}]
        figures += [{"figure": "only now", "value": 1.0, "aim": ">= 2", "made_of": {}}] * (name == "new")
        run = {"machine_info": machine, "benchmarks": [{"extra_info": {"figures": figures}}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    command = [sys.executable, "-m", "tests.bench.table", str(tmp_path / "new.json"), str(tmp_path / "old.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == int(worse) and ("a / b" in done.stderr) == worse
    assert f"| {table.shown(before)}{' (worse)' * worse} |" in done.stdout
    assert "| only now | 1 | >= 2 | - |" in done.stdout
