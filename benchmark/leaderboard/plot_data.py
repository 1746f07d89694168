"""The numbers that plots show, from stored scores, labels and scorecards; `figures` and `site.plots` draw them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import IMAGE
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.evaluation.scorecard import Scorecard
from benchmark.labelling.recorded import read_labels, read_outcomes_of
from benchmark.metrics import classification
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

BINS = 30
RETAINED = 0.5
"""Share of its objects in the pristine image that a detector finds again where its decision is kept."""
ENOUGH = 10
"""Number of rows of each class that a condition, or another group of images, needs for an AUROC of its own."""


@dataclass(frozen=True)
class BinaryGroups:
    """The two groups of images that a version of Fig. 1 compares."""

    stem: str
    """Stem of the figure's files."""
    names: tuple[str, str]
    """Names of class 1 and of class 0."""
    rows: pl.DataFrame
    """The images, in columns source, distortion, level and class."""


def classes_of(ranked: SuiteResults) -> list[BinaryGroups]:
    """The groups that Fig. 1 can show for a suite: the probe's decisions, where there is one, and the combined labels."""
    labels = BinaryGroups("figure_1_labels", ("useful", "non-useful"), combined_labels(ranked))
    probe = ranked.suite.networks.probe
    if not probe:
        return [labels]
    kept = BinaryGroups("figure_1", (f"decision of {probe} kept", "changed"), probe_decisions(ranked))
    return [kept, labels]


def probe_decisions(ranked: SuiteResults) -> pl.DataFrame:
    """Columns source, distortion, level and class; the class is 1 where the probe decides as on the pristine image, else 0.

    A detector does where it finds at least half of its objects again; images without any are left out.
    """
    suite = ranked.suite
    table, _ = read_outcomes_of(ranked.home, suite.networks.probe, suite.task)
    decisions = TASKS[suite.task].decisions(table, RETAINED).drop_nulls("kept")
    return decisions.select(*IMAGE, pl.col("kept").cast(pl.Int8).alias("class"))


@functools.lru_cache(maxsize=16)  # many charts of a suite show them
def combined_labels(ranked: SuiteResults) -> pl.DataFrame:
    """Columns source, distortion, level and class; the class is the combined label, and rows without one are left out."""
    table, _ = read_labels(ranked.folder.labels)
    return table.filter(pl.col(COMBINED) >= 0).select(*IMAGE, pl.col(COMBINED).alias("class"))


def classified(result: PredictorResult, rows: pl.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Class and score, shape (N,) each, of those rows of classes that have a score, in the order of the scores."""
    table = result.test_scores.join(rows, on=IMAGE, maintain_order="left")
    return table["class"].to_numpy(), table["score"].to_numpy()


def histograms(y: NDArray[np.int8], s: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Common edges, shape (31,), of 30 bins of equal width, and the shares of class 1 and class 0 in them, (30,) each."""
    edges = np.linspace(s.min(), s.max() if s.max() > s.min() else s.min() + 1, BINS + 1)
    return edges, [np.histogram(s[y == value], edges)[0] / max(1, int((y == value).sum())) for value in (1, 0)]


@functools.lru_cache(maxsize=1024)  # the figures, the page of the suite and that of the predictor show them
def level_aurocs(ranked: SuiteResults, result: PredictorResult, distortion: str) -> dict[int, float]:
    """AUROC of the combined labels at each level of a distortion with enough rows of both classes, highest level first."""
    labels, aurocs = combined_labels(ranked), {}
    table = result.test_scores.filter(distortion=distortion).join(labels, on=IMAGE, maintain_order="left")
    levels, classes, scores = (table[name].to_numpy() for name in ("level", "class", "score"))
    for level in np.unique(levels)[::-1]:
        rows = levels == level
        if min((classes[rows] == value).sum() for value in (0, 1)) >= ENOUGH:
            aurocs[int(level)] = classification.auroc(classes[rows], scores[rows])
    return aurocs


def costs(cards: Sequence[Scorecard]) -> list[tuple[int, float, float]]:
    """Index of each scorecard that has a cost, its milliseconds per image and its AUROC, the cheapest first.

    Predictors that cannot be distinguished from chance are left out: far below, they would squeeze the others into a corner.
    """
    points = []
    for index, card in enumerate(cards):
        spent, auroc = card.cost.score_ms_per_image, card.metrics["auroc"]
        if spent is not None and auroc.value is not None and (auroc.low is None or auroc.low > 0.5):
            points.append((index, spent, auroc.value))
    return sorted(points, key=lambda point: (point[1], -point[2]))


def front(points: Sequence[tuple[int, float, float]]) -> list[tuple[float, float]]:
    """Cost and AUROC of the points whose AUROC no cheaper point reaches (the Pareto front)."""
    best, kept = -1.0, []
    for _, cost, value in points:
        if value > best:
            best = value
            kept.append((cost, value))
    return kept
