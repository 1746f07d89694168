"""Replicates: the values of a scorecard's measures in each resample of the test sources.

    read_ranked_replicates(path, card)["auroc"]    # beside each scorecard, published with it: `rank` needs them
    read = replicates_reader(lambda: truth, folder)
    read(path, card)["area"]                       # of all measures, made again from the stored scores where they are missing

Those of all measures follow from scores and outcomes, so that results are published without them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import polars as pl

from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.parquet import read_table, write_table
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.downstream import rival_curves
from benchmark.evaluation.measure_table import GROUPS, problem_with
from benchmark.evaluation.measures import make_card
from benchmark.evaluation.results import ReadReplicates, read_scores
from benchmark.evaluation.scorecard import Scorecard
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.suites.results_folder import SuiteFolder

logger = logging.getLogger(__name__)


Measures = dict[str, tuple[str, Measure]]
"""Name of a measure -> its group of GROUPS, and the measure."""


class ReplicatesMetadata(TypedDict):
    """The metadata of replicates."""

    run: str
    """Digest of the ground truth, code, training and seeds of their scorecard."""


RANKED = "auroc"
"""The measure by which boards rank."""


def replicates_reader(truth: Callable[[], GroundTruth], folder: SuiteFolder) -> ReadReplicates:
    """A function that reads the replicates of all measures of a scorecard; it makes those that are missing.

    Args:
        truth: gives the suite's ground truth; it is called only where replicates are missing.
        folder: where replicates are stored; scorecard and scores may lie in another folder, such as that of the package.
    """

    def read(path: Path, card: Scorecard) -> pl.DataFrame:
        file = folder.replicates(path)
        if file.is_file():
            try:
                return checked(file, path, card, measures_of(card))
            except ResultError as error:
                logger.warning(f"made again: {error}")
        logger.info(f"{card.suite}: replicates of {card.predictor}, {card.labels} labels, are made")
        ground_truth = truth()
        if ground_truth.digest(card.labels) != card.ground_truth:
            raise ResultError(f"{path}: not of the ground truth that is recorded now; run {card.predictor} again")
        scores, record = read_scores(SuiteFolder(path.parents[2]).scores(card.predictor, card.trained_on))
        _, replicates = make_card(ground_truth, scores, record, card.labels, rival_curves(ground_truth, folder))
        write_table(file, replicates, {"run": run_digest(card)})
        return replicates

    return read


def write_replicates(folder: SuiteFolder, path: Path, card: Scorecard, replicates: pl.DataFrame) -> None:
    """Store the replicates of a scorecard, those of RANKED beside it too; raises FileError if that is not possible."""
    about = {"run": run_digest(card)}
    write_table(folder.replicates(path), replicates, about)
    write_table(path.with_suffix(".parquet"), replicates.select(RANKED), about)


def run_digest(card: Scorecard) -> str:
    """Digest of what a scorecard and its replicates must have in common."""
    trained = card.trained_on.digest if card.trained_on else ""
    return digest(card.ground_truth, card.provenance.code, card.provenance.table, trained, repr(card.seeds))


def measures_of(card: Scorecard) -> Measures:
    """Name of a measure -> its group, and the measure."""
    return {name: (group, measure) for group in GROUPS for name, measure in card.measures(group).items()}


def read_ranked_replicates(path: Path, card: Scorecard) -> pl.DataFrame:
    """Read the replicates of RANKED, which lie beside a scorecard: a row for each resample of the sources.

    Raises:
        ResultError: there are none, or they are damaged, of another ground truth or out of range; the message names the file.
    """
    return checked(path.with_suffix(".parquet"), path, card, {RANKED: ("metrics", card.metrics[RANKED])})


def checked(file: Path, path: Path, card: Scorecard, measures: Measures) -> pl.DataFrame:
    """Read replicates of these measures of a scorecard: a column for each, a row for each resample of the sources.

    Raises:
        ResultError: there are none, they are damaged or of another ground truth, or a column is missing, of no such measure, or
            out of range; the message names the file.
    """
    table, metadata = read_table(file, about=ReplicatesMetadata)
    if metadata["run"] != run_digest(card):
        raise ResultError(f"{file}: of another run or ground truth than {path}; run {card.predictor} again")
    missing = [name for name, (_, measure) in measures.items() if measure.low is not None and name not in table.columns]
    if missing:
        raise ResultError(f"{file}: column {missing[0]} is missing")
    for column in table:
        if column.name not in measures or column.dtype != pl.Float32:
            raise ResultError(f"{file}: column {column.name} is no measure of {path}, or not of type Float32")
        drawn = column.drop_nulls().drop_nans().to_numpy()
        ends = (float(drawn.min()), float(drawn.max())) if len(drawn) else ()
        if problem := problem_with(measures[column.name][0], column.name, *ends):
            raise ResultError(f"{file}: column {column.name}: {problem}")
    return table
