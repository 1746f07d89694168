"""Stored scores are whole: each image once, with a finite score, or the file is refused."""

import shutil

import polars as pl
import pytest

from benchmark.core.errors import BenchmarkError, ResultError
from benchmark.core.parquet import read_table, write_table
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.results import read_scores
from tests.conftest import workspace_in


def changed(table, **columns):
    """The table with other values in its fourth row."""
    row = pl.int_range(pl.len()) == 3
    return table.with_columns(
        pl.when(row).then(pl.lit(value, table.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in columns.items()
    )


FAULTS = {
    "a row twice": (
        lambda table: pl.concat([table, table[3:4]]),
        r"1 rows repeat an earlier one; the first: row 421, ",
    ),
    "a row missing": (
        lambda table: pl.concat([table[:3], table[4:]]),
        "1 rows of 420 are missing; .* the first: '.*', jpeg",
    ),
    "a photograph missing": (
        lambda table: table.filter(pl.col("source") != table["source"][-1]),
        "5 rows of 420 are missing",
    ),
    "a part missing": (lambda table: table.filter(pl.col("part") != "held_out"), "120 rows of 420 are missing"),
    "not a number": (
        lambda table: changed(table, score=float("nan")),
        "1 rows have no finite score; the first: row 4, ",
    ),
    "infinite": (lambda table: changed(table, score=float("-inf")), "1 rows have no finite score; the first: row 4, "),
    "no score": (lambda table: changed(table, score=None), "1 rows have no finite score; the first: row 4, "),
    "an unknown part": (
        lambda table: changed(table, part="train"),
        "1 rows are not asked for; .* row 4, .*, part train",
    ),
    "another seed": (lambda table: changed(table, seed=7), "1 rows are not asked for; .* row 4, .*, seed 7"),
}


@pytest.fixture(scope="module")
def evaluated(tiny, tiny_workspace, tmp_path_factory):
    """The results of a predictor on the small suite."""
    workspace = workspace_in(tmp_path_factory.mktemp("evaluated"))
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    evaluate("jpeg_quality", tiny.suite, workspace=workspace, truth=tiny)
    return workspace.results


@pytest.fixture
def stored(evaluated, tmp_path):
    """The file of stored scores of a predictor on the small suite, to be spoilt."""
    shutil.copytree(evaluated, tmp_path / "results")
    return tmp_path / "results" / "tiny" / "scores" / "jpeg_quality.parquet"


@pytest.mark.parametrize("fault", FAULTS)
def test_stored_scores_are_whole(fault, stored):
    """A stored table with a row too many, too few or without a finite score is refused by file and row."""
    spoil, told = FAULTS[fault]
    table, metadata = read_table(stored)
    assert read_scores(stored)[0].equals(table)
    write_table(stored, spoil(table), metadata)
    with pytest.raises(ResultError, match=rf"jpeg_quality\.parquet: {told}"):
        read_scores(stored)


def test_sources_without_the_choices_of_their_suite_are_refused(stored):
    """The error names the file that is missing."""
    assert read_scores(stored)
    (stored.parent.parent / "suite.json").unlink()
    with pytest.raises(BenchmarkError, match=r"suite\.json"):
        read_scores(stored)


def test_a_table_alone_tells_what_it_lacks(stored):
    """Where no sources are recorded, a table still has each photograph at each level and seed, or is refused."""
    table, metadata = read_table(stored)
    (stored.parent.parent / "sources.parquet").unlink()
    assert read_scores(stored)[0].equals(table)
    for spoilt in (table[1:], table[:-1], table.filter((pl.col("part") != "test") | (pl.col("level") != 3))):
        write_table(stored, spoilt, metadata)
        with pytest.raises(ResultError, match="are missing"):
            read_scores(stored)
    more = pl.concat([table, table.with_columns(seed=pl.lit(1, pl.Int16))])
    write_table(stored, more[:-1], metadata | {"seeds": [0, 1]})
    with pytest.raises(ResultError, match=r"1 rows of 840 are missing; .*, seed 1;"):
        read_scores(stored)
