"""Datasheets and Croissant files are those of the committed tables, and the library of the format reads them."""

import json

import mlcroissant
import polars as pl
import pytest

from tests import datasheets
from tests.tracked import ROOT, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib and pandas warn mlcroissant
COMMITTED = sorted(path for path in tracked("results") if path.name in ("datasheet.md", "croissant.json"))
CROISSANT = [path for path in COMMITTED if path.suffix == ".json"]


@pytest.fixture(scope="module")
def made():
    """All files, made now."""
    return {file.relative_to(ROOT): text for file, text in datasheets.made().items()}


def test_each_suite_with_results_has_both():
    """No committed suite lacks its datasheet or its Croissant file."""
    suites = {path.parts[1] for path in tracked("results") if path.name == "labels.parquet"}
    assert {(path.parts[1], path.name) for path in COMMITTED} == {
        (suite, name) for suite in suites for name in ("datasheet.md", "croissant.json")
    }


@pytest.mark.parametrize("path", COMMITTED, ids=str)
def test_committed_files_are_made_from_the_tables(path, made):
    """The committed text is what the suite's choices and tables give now."""
    assert (ROOT / path).read_text(encoding="utf-8") == made[path]


@pytest.mark.parametrize("path", CROISSANT, ids=str)
def test_croissant_reads_labels(path):
    """The file is valid, and its labels are those of the table."""
    dataset = mlcroissant.Dataset(jsonld=ROOT / path)
    assert dataset.metadata.issues.errors == set()
    table = pl.read_parquet(ROOT / path.parent / "labels.parquet")
    record = next(iter(dataset.records("labels")))
    assert record["labels/source"] == table["source"][0].encode()
    assert record["labels/combined"] == table["combined"][0]


def test_counts_are_those_of_the_labels():
    """The numbers of a datasheet, added up, are the rows of the labels."""
    for path in CROISSANT:
        text = (ROOT / path.parent / "datasheet.md").read_text(encoding="utf-8")
        rows = [
            line.split("|")[1:-1] for line in text.splitlines() if line.startswith(("| train", "| valid", "| test"))
        ]
        counts = [[int(number) for number in row[2:]] for row in rows]
        assert sum(map(sum, counts)) == pl.read_parquet(ROOT / path.parent / "labels.parquet").height
        networks = json.loads((ROOT / path.parent / "suite.json").read_text())["networks"]
        assert all(name in text for name in (*networks["labelling"], *networks["held_out"]))
