"""Outcomes of a suite: reads the recorded ones and checks them against this machine's images.

There is one Parquet file per network and one for `images`, under `results/<suite>/outcomes`. They are the ground truth as data:
if the digests of the images match, no network needs to be run.
"""

from __future__ import annotations

import logging

import polars as pl

from benchmark.core.errors import LabelError
from benchmark.core.parquet import write_table
from benchmark.core.shared_columns import SharedColumns
from benchmark.core.types import CONDITION, IMAGE, PRISTINE
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.outcome_checks import (
    Stored,
    WeightsHere,
    check_codec,
    check_consensus,
    check_weights,
)
from benchmark.labelling.recorded import check_nothing_is_lost, read_outcomes_of
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA, judges_of
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import Suite

logger = logging.getLogger(__name__)
OUTCOME_KEYS = ("source", "digest", *CONDITION)
"""The columns that name an image and its photograph's content, in every table of outcomes."""


def table_names(suite: Suite) -> tuple[str, ...]:
    """All networks of a suite, and `images`."""
    return (*suite.all_networks, IMAGES)


def read_outcomes(indexed: IndexedSuite, home: SuiteFolder) -> Stored:
    """The recorded outcomes of images that this suite has with the same id and content.

    Raises:
        ResultError: a file is damaged, of another network, or not valid; the message names it.
        LabelError: the truth was agreed on by other networks.
    """
    suite, sources = indexed.suite, indexed.sources
    now = pl.DataFrame({"source": list(sources), "digest": [source.digest for source in sources.values()]})
    stored, shared = Stored(), SharedColumns(OUTCOME_KEYS)
    for name in table_names(suite):
        if home.outcomes(name).is_file():
            table, metadata = read_outcomes_of(home, name, suite.task)
            rows = table.join(now, on=["source", "digest"], how="semi", maintain_order="left")
            stored[name] = shared.of(rows), metadata
    check_consensus(suite, stored, home)
    return stored


def adopt(
    indexed: IndexedSuite,
    stored: Stored,
    own: SuiteFolder,
    home: SuiteFolder,
    execution: ExecutionConfig,
    *,
    weights: WeightsHere | None = None,
) -> Stored:
    """Copy what `stored` lacks, of the same images, pixels and arithmetic, from `home` to `own`; returns all outcomes.

    Raises:
        LabelError: `weights` is given, and a network has other ones now.
    """
    lacking = [name for name in table_names(indexed.suite) if name not in stored or not stored[name][0].height]
    recorded = read_outcomes(indexed, home) if lacking else {}
    fitting = {
        name: (in_order(table, indexed), metadata)
        for name, (table, metadata) in recorded.items()
        if name in lacking and table.height and metadata.get("precision", execution.arithmetic) == execution.arithmetic
    }
    if not fitting:
        return stored
    try:
        check_codec(indexed, recorded, home)
    except LabelError as error:
        logger.warning(f"not used: {error}")
        return stored
    if weights:
        check_weights(fitting, weights, home)
    check_nothing_is_lost(indexed, own, fitting)
    for name, (table, metadata) in fitting.items():
        write_table(own.outcomes(name), table, metadata)
    return stored | fitting


def in_order(table: pl.DataFrame, indexed: IndexedSuite) -> pl.DataFrame:
    """The rows in the order of parts, sources, distortions (the pristine image first) and levels, without duplicates."""
    chosen = [PRISTINE.distortion, *(choice.name for choice in indexed.suite.distortions)]
    others = sorted(set(table["distortion"].unique()) - set(chosen))
    position, kind = (
        pl.col(name).cast(pl.Enum(names), strict=False).to_physical().cast(pl.Int64)
        for name, names in (("source", list(indexed.sources)), ("distortion", chosen + others))
    )
    # One number a row, since sorting the table itself takes five times its memory.
    key = position * 2**32 + kind * 2**16 + pl.col("level").cast(pl.Int64) - PRISTINE.level
    keys = table.select(key=key).with_row_index("row").drop_nulls().sort("key", "row")
    return table[keys.filter(pl.col("key") != pl.col("key").shift(1, fill_value=-1))["row"]]


def needed_rows(indexed: IndexedSuite, name: str, table: pl.DataFrame) -> pl.DataFrame:
    """The rows of a network, or of `images`, that the suite needs; an earlier version of it may have needed more."""
    needed = [
        (part, *condition)
        for part, judges in judges_of(indexed.suite).items()
        for conditions, names in judges
        for condition in conditions
        if name in (*names, IMAGES)
    ]
    schema = {"part": pl.String} | {key: IMAGES_SCHEMA[key] for key in CONDITION}
    keys = table.select(IMAGE).with_row_index("row").join(indexed.membership, on="source", maintain_order="left")
    kept = keys.join(pl.DataFrame(needed, schema, orient="row"), on=list(schema), how="semi", maintain_order="left")
    return table if kept.height == table.height else table[kept["row"]]
