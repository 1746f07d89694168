"""Results as they are read back: a scorecard with the replicates and the scores that belong to it, and all those of a suite."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.errors import ResultError
from benchmark.core.parquet import read_table
from benchmark.core.types import CONDITION, IMAGE, Condition
from benchmark.evaluation.codec_tables import has_rates
from benchmark.evaluation.rates import Rates, read_rates
from benchmark.evaluation.score_table import row_problems
from benchmark.evaluation.scorecard import Scorecard, Scores, read_scores_record
from benchmark.labelling.indexed_suite import ROW_SCHEMA, rows_to_score
from benchmark.labelling.probe_agreement import Agreements
from benchmark.labelling.recorded import read_sources
from benchmark.plugins.predictors.code_digests import baseline_code
from benchmark.suites.loading import read_suite
from benchmark.suites.results_folder import SuiteFolder, outcomes_home
from benchmark.suites.spec import Suite

SCORES_SCHEMA = pl.Schema(ROW_SCHEMA | {"seed": pl.Int16, "score": pl.Float64})
TESTED = ("test", "held_out")
"""The parts of scores that are of test sources."""


def title(card: Scorecard) -> str:
    """The predictor's name, its training origin if that differs, and a mark where it is not ranked."""
    trained, origin = card.trained_on, ""
    if trained and card.is_trained_elsewhere:
        origin = f" (from {trained.suite})"
    elif trained and trained.labels != card.labels:
        origin = f" (from {trained.labels})"
    return card.predictor + origin + card.provenance.marks + " §" * card.is_informed


@dataclass(frozen=True, eq=False)
class PredictorResult:
    """The results of one predictor on one suite and label set."""

    card: Scorecard
    replicates: pl.DataFrame
    """A row for each resample of the test sources, and a column for each measure that was read."""
    scores: pl.DataFrame
    """Columns part, source, distortion, level, seed and score."""
    outdated: bool = False
    """Whether the predictor's code has changed since."""

    @property
    def title(self) -> str:
        """The predictor's name as charts show it."""
        return title(self.card)

    @property
    def marked_title(self) -> str:
        """The title as boards show it, with a mark where the code has changed since."""
        return self.title + " ‡" * self.outdated

    @functools.cached_property
    def test_scores(self) -> pl.DataFrame:
        """The scores of the test part at the training conditions, by the first seed."""
        return self.scores.filter(part="test", seed=self.card.seeds[0])

    def replicates_of(self, measure: str) -> NDArray[np.float64]:
        """The replicates of one measure that were drawn, shape (R,); NaN where it is not defined."""
        return self.replicates[measure].drop_nulls().to_numpy().astype(np.float64)


Results = dict[str, list[PredictorResult]]
"""Label set -> results, best AUROC first."""


@dataclass(frozen=True, eq=False)
class SuiteResults:
    """The results of one suite."""

    folder: SuiteFolder
    """Where the results are stored."""
    suite: Suite
    results: Results
    rates: Rates | None = None
    """Rate and utility of its codecs, where it has any."""
    agreements: Agreements = field(default_factory=dict)
    """Agreement of the probe with each network, where there is a probe."""

    @property
    def home(self) -> SuiteFolder:
        """The folder that holds the recorded outcomes."""
        return outcomes_home(self.folder, self.suite)

    def cards(self, labels: str) -> list[Scorecard]:
        """The scorecards of one label set, best AUROC first."""
        return [result.card for result in self.results[labels]]

    @property
    def first(self) -> Scorecard:
        """A card of the suite, for what all of them have in common."""
        return next(iter(self.results.values()))[0].card


ScoresTable = tuple[pl.DataFrame, Scores]


def read_scores(path: Path) -> ScoresTable:
    """Stored scores and their metadata.

    Raises:
        ResultError: the file is missing, damaged, or no file of scores, or a row is missing, there twice, of no part or without
            a finite score; the message names the file and the column, key or row.
    """
    table, metadata = read_table(path, schema=SCORES_SCHEMA)
    record = read_scores_record(path, metadata)
    keys = [*IMAGE, "part", "seed"]
    seeds = pl.DataFrame({"seed": record.seeds}, schema={"seed": pl.Int16})
    rows = expected_rows(path, table, record.fingerprint).join(seeds, how="cross").with_columns(expected=True)
    if problems := row_problems(table, rows, keys=keys):
        raise ResultError(f"{path}: {problems[0]}; delete it to make it again")
    return table, record


def expected_rows(path: Path, table: pl.DataFrame, fingerprint: str) -> pl.DataFrame:
    """The rows (part, source, distortion, level) that stored scores must have: the recorded ones of their suite.

    Where no sources of this fingerprint are recorded beside the scores, they are all combinations of what the table has.
    """
    folder = SuiteFolder(path.parent.parent)
    if folder.sources.is_file():
        files = (folder.choices, folder.sources)
        rows, recorded = recorded_rows(folder, *(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))
        if recorded == fingerprint:
            return rows

    def occurring(columns: Sequence[str], *parts: str) -> list[Any]:
        rows = table.filter(pl.col("part").is_in(parts)).select(columns).drop_nulls()
        return rows.unique(maintain_order=True).rows()

    validation, test = ([name for (name,) in occurring(["source"], *parts)] for parts in (("validation",), TESTED))
    training, held_out = (
        [Condition(*row) for row in occurring(CONDITION, *parts)] for parts in (("validation", "test"), ("held_out",))
    )
    return rows_to_score(validation, test, training, held_out)


@functools.lru_cache(maxsize=4)  # all scores of a suite have the same rows
def recorded_rows(folder: SuiteFolder, *times: int) -> tuple[pl.DataFrame, str]:
    """The rows that predictors score, by the choices and sources recorded in a folder at these times, and the fingerprint."""
    suite = read_suite(folder.choices)
    members, metadata = read_sources(folder, suite.task)
    validation, test = (members.filter(part=part)["source"].to_list() for part in ("validation", "test"))
    rows = rows_to_score(validation, test, suite.training_conditions, suite.held_out_conditions)
    return rows, metadata["fingerprint"]


ReadReplicates = Callable[[Path, Scorecard], pl.DataFrame]
"""Reads the replicates that belong to a scorecard and its path; see `evaluation.replicates`."""


def read_result(
    folder: SuiteFolder,
    path: Path,
    card: Scorecard,
    replicates: ReadReplicates,
    *,
    read: Callable[[Path], ScoresTable] = read_scores,
) -> PredictorResult:
    """Read the replicates and the scores that belong to a scorecard.

    Args:
        folder: the suite's folder, which holds the scores.
        path: the scorecard's file.
        card: the scorecard.
        replicates: reads the replicates.
        read: reads a file of scores; cards of several label sets share those of a predictor that does not learn, so that
            whoever reads many cards passes a function that reads each file once.

    Raises:
        ResultError: a file is missing or damaged, or they are of different runs; the message names it.
    """
    file = folder.scores(card.predictor, card.trained_on)
    scores, record = read(file)
    check_same_run(file, record, card)
    code = baseline_code(card.predictor)
    outdated = bool(code and card.provenance.code and code != card.provenance.code)
    return PredictorResult(card, replicates(path, card), scores, outdated)


def check_same_run(path: Path, record: Scores, card: Scorecard) -> None:
    """Raise ResultError where stored scores and a scorecard are not of the same predictor, code, training and seeds."""
    pairs = {
        key: (getattr(record, key), getattr(card, key)) for key in ("fingerprint", "predictor", "seeds", "trained_on")
    }
    for key in ("code", "table"):
        pairs[key] = getattr(record.provenance, key), getattr(card.provenance, key)
    if differing := [key for key, (stored, carded) in pairs.items() if stored != carded]:
        raise ResultError(
            f"{path} and the scorecard for {card.labels} labels differ in {differing[0]}: one is of another run; "
            f"run {card.predictor} again on these labels"
        )


def rates_of(folder: SuiteFolder, suite: Suite, ground_truth: str) -> Rates | None:
    """The stored rates of a suite; None where it has none, or they are not stored.

    Raises:
        ResultError: they are damaged, or of another ground truth than this digest of the combined labels says.
    """
    if not has_rates(suite) or not folder.rates.is_file():
        return None
    rates = read_rates(folder.rates)
    if rates.ground_truth != ground_truth:
        raise ResultError(
            f"{folder.rates}: stale: of the ground truth {rates.ground_truth}, {folder.labels} is of {ground_truth}; "
            "`utilbench run` makes it again"
        )
    return rates
