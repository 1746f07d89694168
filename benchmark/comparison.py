"""Comparison: does one predictor beat another on a suite? Paired differences with intervals that resample sources.

    for row in compare(truth, "dct_statistics", "resnet18", "combined", Paths.named()):
        print(row.measure, row.difference, row.low, row.high, row.p)

Both predictors see the same resamples, so that what makes a resample easy or hard for both cancels out; the replicates of what
stands on the scorecards were stored by `run` and are only subtracted here. P values are two-sided and corrected (Holm)
within each family of measures: metrics of labels, agreement with the utility, downstream gains, AUROC by level, by class and by
object size, and mAP by object size. Gains at the frozen thresholds depend on how much each predictor keeps; gain areas do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark import metrics, statistics
from benchmark.downstream import redrawn
from benchmark.errors import ResultError
from benchmark.ground_truth import GroundTruth
from benchmark.markdown import markdown, number
from benchmark.results_folder import file_stem, readable_folders
from benchmark.runtime import Paths
from benchmark.scorecard import (
    GROUPS,
    Scorecard,
    check_same_run,
    read_card,
    read_replicates,
    replicates_of,
)
from benchmark.scoring import SCORES_SCHEMA
from benchmark.series import ENOUGH
from benchmark.tables import read_table
from benchmark.tasks import TASKS

LOWER = ("overlap", "rmse")
"""Measures that are better where they are lower."""
SIGNIFICANT = 0.05

Replicates = dict[str, tuple[float, NDArray[np.float64]]]
"""Measure -> its value, and its value in each resample, shape (R,)."""


@dataclass(frozen=True)
class Difference:
    """One measure of two predictors."""

    measure: str
    """Metric, or what a held-out network gains; all but LOWER are better where they are higher."""
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

    def family(self, name: str) -> Replicates:
        """The card's measures of one of GROUPS, those that have intervals."""
        return {
            measure: (values["value"], replicates_of(self.replicates, measure))
            for measure, values in self.card[name].items()
            if values.get("low") is not None
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
    both = []
    for who in pair:
        families = [who.family(name) for name in GROUPS]
        by_size = sized_replicates(truth, who)
        both.append([*families, *grouped_replicates(truth, who, labels), by_size])
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
            "=" if row.p >= SIGNIFICANT else one if (row.difference > 0) != (row.measure in LOWER) else other,
        ]
        for row in rows
    ]
    return markdown(["measure", one, other, "difference", "95 % interval", "p (Holm)", "better"], told)


def judged(truth: GroundTruth, name: str, labels: str, paths: Paths) -> Judged:
    """The stored scores and card of a predictor on this ground truth."""
    folders = readable_folders(paths, truth.suite.folder)
    own = file_stem(name, {"suite": truth.suite.folder, "labels": labels})
    pairs = [
        (folder, stem) for folder in folders for stem in (file_stem(name, None), own) if stem in folder.score_stems()
    ]
    if not pairs:
        stems = sorted({stem for folder in folders for stem in folder.score_stems()})
        raise ResultError(f"{folders[0].path}: no scores of {name!r}; there are {', '.join(stems) or 'none'}")
    hint = f"`utilbench run {name} -s {truth.suite.name} -l {labels}` makes it"
    having = [(folder, folder.card(labels, stem)) for folder, stem in pairs if folder.card(labels, stem).is_file()]
    if not having:
        raise ResultError(f"no scorecard {pairs[0][0].card(labels, pairs[0][1])}; {hint}")
    folder, card = having[0]
    found = read_card(card)
    if (found["fingerprint"], found["ground_truth"]) != (truth.fingerprint, truth.digest(labels)):
        raise ResultError(f"{card} is of other images or labels than this machine's; {hint} anew")
    path = folder.scores(found)
    scores, metadata = read_table(path, SCORES_SCHEMA)
    check_same_run(path, metadata, found)
    return Judged(scores, found, read_replicates(card, found))


def grouped_replicates(truth: GroundTruth, who: Judged, labels: str) -> list[Replicates]:
    """AUROC on the labelled test rows of each level, each size and each class that has enough of both labels."""
    test = truth.labelled(labels, "test")
    kinds = TASKS[truth.suite.task].groups
    member = {source.id: kinds(source.truth) for source in truth.parts["test"]}
    places: dict[str, list[int]] = {}
    for place, (source, level) in enumerate(test.select("source", "level").iter_rows()):
        for name in (f"level {level}", *member[source]):
            places.setdefault(name, []).append(place)
    families: dict[str, Replicates] = {"level": {}, "largest": {}, "class": {}}
    for name, some in sorted(places.items(), key=lambda one: natural(one[0])):
        here = test[some]
        if min(here.filter(label=label).height for label in (0, 1)) >= ENOUGH:
            families[name.partition(" ")[0]][f"AUROC, {name}"] = auroc_replicates(truth, who, here)
    return list(families.values())


def natural(name: str) -> tuple[str, float]:
    """Sorts numbers in names by size, the highest first."""
    word, _, number = name.rpartition(" ")
    return (word, -float(number)) if number.isdigit() else (name, 0.0)


def auroc_replicates(truth: GroundTruth, who: Judged, rows: pl.DataFrame) -> tuple[float, NDArray[np.float64]]:
    """AUROC on these rows, and in each resample, means over seeds."""
    cluster, counts = truth.clusters(rows)
    y, values = rows["label"].to_numpy(), []
    for seed in who.card["seeds"]:
        mine = who.scores.filter(part="test", seed=seed).select("source", "level", "score")
        s = rows.join(mine, on=["source", "level"], how="left", maintain_order="left")["score"].to_numpy()
        values.append((metrics.auroc(y, s), statistics.replicate(statistics.auroc, counts, cluster, y, s)))
    return means(values)


def sized_replicates(truth: GroundTruth, who: Judged) -> Replicates:
    """Mean over held-out networks of the mAP of small, medium and large objects where the better half of the images is kept."""
    found: dict[str, list[tuple[float, NDArray[np.float64]]]] = {}
    for name in truth.suite.networks.held_out:
        for size, network in truth.downstream(name).by_size.items():
            for seed in who.card["seeds"]:
                rows = network.placed(who.scores.filter(part="held_out", seed=seed))
                values = redrawn(truth, network, rows, network.best, rows["score"].to_numpy(), [0.5])[:, 0]
                found.setdefault(f"mAP, {size} objects, better half kept", []).append((values[0], values[1:]))
    return {name: means(values) for name, values in found.items() if all(np.isfinite(point) for point, _ in values)}


def means(values: Sequence[tuple[float, NDArray[np.float64]]]) -> tuple[float, NDArray[np.float64]]:
    """Mean value and mean replicates over seeds."""
    points, redrawn = zip(*values, strict=True)
    return float(np.mean(points)), np.mean(redrawn, axis=0)
