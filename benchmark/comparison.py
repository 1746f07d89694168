"""Comparison: does one predictor beat another on a suite? Paired differences with intervals that resample sources.

    for row in compare(truth, "dct_statistics", "resnet18", "combined", Paths.named()):
        print(row.measure, row.difference, row.low, row.high, row.p)

Both predictors see the same resamples, so that what makes a resample easy or hard for both cancels out. P values are two-sided
and corrected (Holm) within each family of measures: metrics of labels, AUROC at each level, downstream gains. Gains at the
frozen thresholds depend on how much each predictor keeps; those of the best half do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark import metrics, statistics
from benchmark.errors import ResultError
from benchmark.evaluate import SCORES_SCHEMA
from benchmark.ground_truth import GroundTruth
from benchmark.judging import clusters
from benchmark.markdown import markdown, number
from benchmark.networks import file_name
from benchmark.progress import progress
from benchmark.runtime import Paths
from benchmark.scorecard import Scorecard, check_same_run, file_stem, read_card, read_replicates
from benchmark.tables import read_table
from benchmark.tasks import TASKS

OVERLAP = "overlap"
"""The one measure that is better where it is lower."""
ENOUGH = 10
"""Rows of each class that a level needs for an AUROC of its own."""
SIGNIFICANT = 0.05
REDRAWN = 500
"""Replicates of downstream measures: an mAP each."""


Replicates = dict[str, tuple[float, NDArray[np.float64]]]
"""Measure -> its value, and its value in each resample, shape (R,)."""


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
    """A predictor's stored scores, its scorecard, and the replicates beside it."""

    scores: pl.DataFrame
    card: Scorecard
    replicates: pl.DataFrame

    @property
    def metrics(self) -> Replicates:
        """The card's metrics that have intervals."""
        values = self.card["metrics"]
        return {
            name: (values[name]["value"], self.replicates[name].to_numpy().astype(np.float64))
            for name in self.replicates.columns
            if values[name]["low"] is not None
        }


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
    gains = downstream_replicates(truth, pair)
    both = [[who.metrics, level_replicates(truth, who, labels), own] for who, own in zip(pair, gains, strict=True)]
    return [row for first, second in zip(*both, strict=True) for row in differences(first, second)]


def differences(one: Replicates, other: Replicates) -> list[Difference]:
    """The differences of one family of measures, p values corrected for their number.

    Left out is what is not defined, such as the gain of a predictor that keeps nothing.
    """
    rows = [
        Difference(name, one[name][0], other[name][0], *statistics.interval(redrawn), statistics.p_value(redrawn))
        for name in one
        if name in other
        for redrawn in [one[name][1] - other[name][1]]
        if np.isfinite(redrawn).mean() > 0.5 and np.isfinite(one[name][0] - other[name][0])
    ]
    corrected = statistics.holm([row.p for row in rows])
    return [replace(row, p=float(p)) for row, p in zip(rows, corrected, strict=True)]


def as_table(one: str, other: str, rows: Sequence[Difference]) -> list[str]:
    """The differences as a Markdown table; `=` where the corrected p is .05 or more, else who is better."""
    told = [
        [
            row.measure,
            number(row.one),
            number(row.other),
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.p:.3f}",
            "=" if row.p >= SIGNIFICANT else one if (row.difference > 0) != (row.measure == OVERLAP) else other,
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
    path = folder / "scores" / f"{stems[0]}.parquet"
    scores, metadata = read_table(path, SCORES_SCHEMA)
    check_same_run(path, metadata, found)
    return Judged(scores, found, read_replicates(card, found))


def level_replicates(truth: GroundTruth, who: Judged, labels: str) -> Replicates:
    """The AUROC on the labelled test rows of each level that has enough of both classes, mean over seeds."""
    test = truth.labelled(labels, "test")
    found: Replicates = {}
    for level in truth.suite.distortion.levels:
        here = test.filter(level=level)
        if min(here.filter(label=label).height for label in (0, 1)) < ENOUGH:
            continue
        cluster, counts = clusters(truth, here)
        y, values = here["label"].to_numpy(), []
        for seed in who.card["seeds"]:
            mine = who.scores.filter(part="test", seed=seed).select("source", "level", "score")
            s = here.join(mine, on=["source", "level"], how="left", maintain_order="left")["score"].to_numpy()
            values.append((metrics.auroc(y, s), statistics.replicate(statistics.auroc, counts, cluster, y, s)))
        found[f"AUROC at level {level}"] = means(values)
    return found


def downstream_replicates(truth: GroundTruth, pair: Sequence[Judged]) -> list[Replicates]:
    """For each predictor: what each held-out network gains over all images as they are, and their mean gain."""
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
    networks = truth.suite.networks.held_out
    gains = np.full((len(pair), 2, len(networks), len(drawn)), np.nan)
    with progress("resample", len(drawn) * len(networks), "resamples") as advance:
        for column, network in enumerate(networks):
            downstream = truth.downstream(network)
            for number, some in enumerate(drawn):
                before = downstream.filtered(chosen[0][0][0][some], -np.inf)
                for place, seeds in enumerate(chosen):
                    after = [
                        [downstream.filtered(scores[some], threshold), downstream.best_half(scores[some])]
                        for scores, threshold in seeds
                    ]
                    gains[place, :, column, number] = np.mean(after, axis=0) - before
                advance(1)
    measure = TASKS[truth.suite.task].MEASURE
    found = []
    for own, half in gains:
        named = {f"{measure} gain of {network}": line for network, line in zip(networks, own, strict=True)}
        named |= {f"{measure} gain, mean": own.mean(axis=0), f"{measure} gain of the best half": half.mean(axis=0)}
        found.append({name: (float(line[0]), line[1:]) for name, line in named.items()})
    return found


def means(values: Sequence[tuple[float, NDArray[np.float64]]]) -> tuple[float, NDArray[np.float64]]:
    """Mean value and mean replicates over seeds."""
    points, redrawn = zip(*values, strict=True)
    return float(np.mean(points)), np.mean(redrawn, axis=0)
