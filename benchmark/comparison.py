"""Comparison: does one predictor beat another on a suite? Paired differences with intervals that resample sources.

    for row in compare(truth, "dct_statistics", "resnet18", "combined", Paths.named()):
        print(row.measure, row.difference, row.low, row.high, row.p)

Both predictors see the same resamples, so that what makes a resample easy or hard for both cancels out. P values are two-sided
and corrected for the number of measures told (Holm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark import metrics, statistics
from benchmark.errors import MetricError, ResultError
from benchmark.evaluate import SCORES_SCHEMA
from benchmark.ground_truth import GroundTruth
from benchmark.leaderboard import markdown, number
from benchmark.networks import file_name
from benchmark.progress import progress
from benchmark.runtime import Paths
from benchmark.scorecard import Scorecard, file_stem, read_card
from benchmark.tables import read_table
from benchmark.tasks import TASKS

OVERLAP = "overlap"
"""The one measure that is better where it is lower."""
ENOUGH = 10
"""Rows of each class that a level needs for an AUROC of its own."""
REDRAWN = 200
"""Replicates of downstream measures: an mAP each."""


@dataclass(frozen=True)
class Difference:
    """One measure of two predictors."""

    measure: str
    """Metric, or what a held-out network gains; all but OVERLAP are better where they are higher."""
    one: float
    other: float
    low: float
    """Lower end of the 95 % interval of one minus other."""
    high: float
    """Upper end."""
    p: float
    """Two-sided, corrected."""

    @property
    def difference(self) -> float:
        """One minus other."""
        return self.one - self.other


@dataclass(frozen=True, eq=False)
class Judged:
    """A predictor's stored scores, and its scorecard."""

    scores: pl.DataFrame
    card: Scorecard


def compare(truth: GroundTruth, one: str, other: str, labels: str, paths: Paths) -> list[Difference]:
    """Every measure of two predictors that were run on a suite, means over seeds.

    Args:
        truth: of the suite.
        one: name of a predictor, or `NAME@SUITE.LABELS` as its files are called.
        other: another one.
        labels: label set.
        paths: where the results are.

    Raises:
        ResultError: one was not run, or on other images or labels.
    """
    pair = [judged(truth, name, labels, paths) for name in (one, other)]
    rows = [label_replicates(truth, who, labels) for who in pair]
    gains = downstream_replicates(truth, pair)
    values = [left | right for left, right in zip(rows, gains, strict=True)]
    found = []
    for name in values[0]:
        (first, redrawn), (second, redrawn_too) = (some[name] for some in values)
        low, high = statistics.interval(redrawn - redrawn_too)
        found.append(Difference(name, first, second, low, high, statistics.p_value(redrawn - redrawn_too)))
    corrected = statistics.holm([row.p for row in found])
    return [replace(row, p=float(p)) for row, p in zip(found, corrected, strict=True)]


def as_table(one: str, other: str, rows: Sequence[Difference]) -> list[str]:
    """The differences as a Markdown table; `=` where the interval holds 0, else who is better."""
    told = [
        [
            row.measure,
            number(row.one),
            number(row.other),
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.p:.3f}",
            "=" if row.low <= 0 <= row.high else one if (row.low > 0) != (row.measure == OVERLAP) else other,
        ]
        for row in rows
    ]
    return markdown(["measure", one, other, "difference", "95 % interval", "p (Holm)", "better"], told)


def judged(truth: GroundTruth, name: str, labels: str, paths: Paths) -> Judged:
    """The stored scores and card of a predictor on this ground truth."""
    folder = paths.results / truth.suite.folder
    own = file_stem(name, {"suite": truth.suite.folder, "labels": labels})
    stems = [stem for stem in (file_stem(name, None), own) if (folder / "scores" / f"{stem}.parquet").is_file()]
    if not stems:
        known = sorted(path.stem for path in (folder / "scores").glob("*.parquet"))
        raise ResultError(f"{folder}: no scores of {name!r}; there are {', '.join(known) or 'none'}")
    card = folder / "cards" / file_name(labels) / f"{stems[0]}.json"
    hint = f"`utilbench run {name} -s {truth.suite.name} -l {labels}` makes it"
    if not card.is_file():
        raise ResultError(f"no scorecard {card}; {hint}")
    found = read_card(card)
    if (found["fingerprint"], found["ground_truth"]) != (truth.fingerprint, truth.digest(labels)):
        raise ResultError(f"{card} is of other images or labels than this machine's; {hint} anew")
    return Judged(read_table(folder / "scores" / f"{stems[0]}.parquet", SCORES_SCHEMA)[0], found)


def clusters(truth: GroundTruth, rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Index of each row's source among the test sources, and the suite's common resamples of them."""
    place = {source.id: number for number, source in enumerate(truth.parts["test"])}
    counts = statistics.resamples(len(place), truth.fingerprint)
    return np.array([place[source] for source in rows["source"]]), counts


def label_replicates(truth: GroundTruth, who: Judged, labels: str) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Metric -> value and replicates, shape (R,), on the labelled rows of the test part; AUROC also at each level."""
    test = truth.labelled(labels, "test")
    cluster, counts = clusters(truth, test)
    levels = test["level"].to_numpy()
    seeds = []
    for seed, threshold in zip(who.card["seeds"], who.card["threshold"], strict=True):
        mine = who.scores.filter(part="test", seed=seed).drop("part")
        rows = test.join(mine, on=["source", "level"], how="left", maintain_order="left")
        y, s = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy()
        seeds.append(measures(y, s, levels, threshold, cluster, counts))
    return {name: means([some[name] for some in seeds]) for name in seeds[0]}


def measures(
    y: NDArray[np.int64],
    s: NDArray[np.float64],
    levels: NDArray[np.int64],
    threshold: float,
    cluster: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Each metric of one seed's scores, with its replicates."""

    def redrawn(kernel: statistics.Kernel, *columns: Any, chosen: Any = slice(None)) -> NDArray[np.float64]:
        return statistics.replicate(kernel, counts, cluster[chosen], *(column[chosen] for column in columns))

    decided = redrawn(statistics.decisions, y, s >= threshold)
    found = {
        "AUROC": (metrics.auroc(y, s), redrawn(statistics.auroc, y, s)),
        "average precision": (metrics.average_precision(y, s), redrawn(statistics.average_precision, y, s)),
        "balanced accuracy": (metrics.decisions(y, s, threshold)["balanced_accuracy"], decided[:, 1]),
        OVERLAP: (metrics.overlap(y, s), redrawn(statistics.overlap, y, s)),
    }
    try:
        within, _ = metrics.within_level_auroc(y, s, levels)
    except MetricError:
        return found
    found["within quality"] = (within, redrawn(statistics.within_level_auroc, y, s, levels))
    for level in sorted(set(levels.tolist())):
        here = levels == level
        if min(np.bincount(y[here], minlength=2)) >= ENOUGH:
            value = (metrics.auroc(y[here], s[here]), redrawn(statistics.auroc, y, s, chosen=here))
            found[f"AUROC at level {level}"] = value
    return found


def downstream_replicates(
    truth: GroundTruth, pair: Sequence[Judged]
) -> list[dict[str, tuple[float, NDArray[np.float64]]]]:
    """For each predictor: what each held-out network gains over all images as they are, with its replicates."""
    rows = pair[0].scores.filter(part="held_out", seed=pair[0].card["seeds"][0]).select("source", "level")
    chosen = [
        [
            (rows.join(who.scores.filter(part="held_out", seed=seed), on=["source", "level"], how="left"), threshold)
            for seed, threshold in zip(who.card["seeds"], who.card["threshold"], strict=True)
        ]
        for who in pair
    ]
    cluster, counts = clusters(truth, rows)
    places = np.arange(len(cluster))
    drawn = [places, *(np.repeat(places, count[cluster]) for count in counts[:REDRAWN])]
    measure, networks = TASKS[truth.suite.task].MEASURE, truth.suite.networks.held_out
    found: list[dict[str, tuple[float, NDArray[np.float64]]]] = [{} for _ in pair]
    with progress("resample", len(drawn) * len(networks), "resamples") as advance:
        for network in networks:
            downstream = truth.downstream(network)
            gains = np.full((len(pair), len(drawn)), np.nan)
            for number, some in enumerate(drawn):
                before = downstream.filtered(chosen[0][0][0][some], -np.inf)
                for place, seeds in enumerate(chosen):
                    after = [downstream.filtered(scores[some], threshold) for scores, threshold in seeds]
                    gains[place, number] = np.mean(after) - before
                advance(1)
            for place in range(len(pair)):
                found[place][f"{measure} gain of {network}"] = (float(gains[place, 0]), gains[place, 1:])
    for place, some_gains in enumerate(found):
        values, redrawn = zip(*some_gains.values(), strict=True)
        found[place][f"{measure} gain, mean"] = (float(np.mean(values)), np.mean(redrawn, axis=0))
    return found


def means(values: Sequence[tuple[float, NDArray[np.float64]]]) -> tuple[float, NDArray[np.float64]]:
    """Mean value and mean replicates over seeds."""
    points, redrawn = zip(*values, strict=True)
    return float(np.mean(points)), np.mean(redrawn, axis=0)
