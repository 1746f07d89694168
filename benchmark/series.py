"""Series: the numbers that plots show, from stored scores, labels and scorecards; drawn by `figures` and by `page`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark import metrics
from benchmark.places import stamp
from benchmark.records import PRISTINE
from benchmark.results_folder import SuiteFolder
from benchmark.scorecard import Scorecard
from benchmark.suite import COMBINED
from benchmark.tables import read_table
from benchmark.tasks import TASKS

BINS = 30
ENOUGH = 10
"""Rows of each class that a level, or another group of images, needs for an AUROC of its own."""


@dataclass(frozen=True)
class Classes:
    """Which images are put against which in Fig. 1."""

    stem: str
    """Of the figure's files."""
    names: tuple[str, str]
    """Of class 1 and of class 0."""
    rows: pl.DataFrame
    """Columns source, level and class."""


def classes_of(folder: SuiteFolder, suite: dict[str, Any]) -> list[Classes]:
    """What Fig. 1 can show of a suite: the probe's decisions, where it judges, and the combined labels."""
    labels = Classes("figure_1_labels", ("useful", "non-useful"), combined_labels(folder))
    probe = suite["networks"]["probe"]
    if not (probe and TASKS[suite["task"]].PROBE_JUDGES):
        return [labels]
    kept = Classes("figure_1", (f"decision of {probe} kept", "changed"), probe_decisions(folder, suite))
    return [kept, labels]


def probe_decisions(folder: SuiteFolder, suite: dict[str, Any]) -> pl.DataFrame:
    """Columns source, level and class: 1 where the probe decides as on the pristine image, else 0."""
    limit = f"-limit{suite['limit']}" if suite["limit"] else ""
    home = SuiteFolder(folder.path.with_name(suite["twin_of"] + limit)) if suite["twin_of"] else folder
    table, _ = read_table(home.outcomes(suite["networks"]["probe"]))
    pristine = table.filter(level=PRISTINE).select("source", before="top")
    joined = table.filter(pl.col("level") != PRISTINE).join(pristine, on="source", maintain_order="left")
    return joined.select("source", "level", (pl.col("top") == pl.col("before")).cast(pl.Int8).alias("class"))


def combined_labels(folder: SuiteFolder) -> pl.DataFrame:
    """Columns source, level and class: the combined label where there is one."""
    table, _ = read_table(folder.labels)
    return table.filter(pl.col(COMBINED) >= 0).select("source", "level", pl.col(COMBINED).alias("class"))


def test_scores(folder: SuiteFolder, card: Scorecard) -> pl.DataFrame:
    """Test scores of a scorecard's first seed at the training levels."""
    return seed_scores(folder.scores(card), card["seeds"][0])


def seed_scores(file: Path, seed: int) -> pl.DataFrame:
    """Test scores of one seed at the training levels."""
    return read_table(file)[0].filter(part="test", seed=seed)


def classified(
    folder: SuiteFolder, card: Scorecard, rows: pl.DataFrame
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Class and score of each of the rows (source, level, class) that has a score."""
    table = test_scores(folder, card).join(rows, on=["source", "level"], maintain_order="left")
    return table["class"].to_numpy(), table["score"].to_numpy()


def histograms(y: NDArray[np.int8], s: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Common edges, (31,), and the share of class 1 and of class 0 in each of 30 bins of equal width, (30,) each."""
    edges = np.linspace(s.min(), s.max() if s.max() > s.min() else s.min() + 1, BINS + 1)
    return edges, [np.histogram(s[y == value], edges)[0] / max(1, int((y == value).sum())) for value in (1, 0)]


def level_aurocs(folder: SuiteFolder, card: Scorecard) -> dict[int, float]:
    """AUROC of the combined labels at each level that has enough of both, falling levels."""
    scores = folder.scores(card)
    return at_levels(folder, scores, card["seeds"][0], stamp(scores), stamp(folder.labels))


@functools.cache  # figures and page show the same; the stamps tell when a file was written anew
def at_levels(folder: SuiteFolder, scores: Path, seed: int, *stamps: str) -> dict[int, float]:
    """The AUROCs of one seed's scores."""
    table = seed_scores(scores, seed).join(combined_labels(folder), on=["source", "level"], maintain_order="left")
    found = {}
    for level in sorted(table["level"].unique(), reverse=True):
        here = table.filter(level=level)
        if min(here.filter(pl.col("class") == value).height for value in (0, 1)) >= ENOUGH:
            found[level] = metrics.auroc(here["class"], here["score"])
    return found


def costs(cards: Sequence[Scorecard]) -> list[tuple[int, float, float]]:
    """Place of each scorecard that has a cost, its milliseconds an image and its AUROC, cheapest first.

    Those that cannot be told from chance are left out: far below, they would squeeze the others into a corner.
    """
    some = []
    for place, card in enumerate(cards):
        spent, auroc = card["cost"]["score_ms_per_image"], card["metrics"]["auroc"]
        if spent is not None and (auroc["low"] is None or auroc["low"] > 0.5):
            some.append((place, spent, auroc["value"]))
    return sorted(some, key=lambda one: (one[1], -one[2]))


def front(points: Sequence[tuple[int, float, float]]) -> list[tuple[float, float]]:
    """Cost and AUROC of those that no cheaper one reaches (the Pareto front)."""
    best, kept = -1.0, []
    for _, cost, value in points:
        if value > best:
            best = value
            kept.append((cost, value))
    return kept
