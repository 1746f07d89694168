"""Measures: stored scores and ground truth make a scorecard, by a pure function.

The threshold has the best balanced accuracy on the validation part and is frozen. Metrics are on the labelled rows of the test
part at the training levels, soft ones on all rows whose pristine versions are recognised correctly; gains are on the test part
at the held-out levels, unlabelled rows included. Intervals resample the test sources (`benchmark.metrics.bootstrap`); all
predictors of a suite share the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from benchmark.core.errors import MetricError, ResultError
from benchmark.evaluation.downstream import Curves, gains
from benchmark.evaluation.scorecard import GROUPS, Counts, Gains, Measure, Scorecard, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap, classification, correlation, weighted
from benchmark.metrics.bootstrap import Floats

KERNELS = {
    "auroc": weighted.auroc,
    "average_precision": weighted.average_precision,
    "overlap": weighted.overlap,
}
Measured = dict[str, Floats]
"""Name -> value on the test part, then in each resample of it, shape (1 + R,); or (1,) where there is no interval."""


@dataclass(frozen=True)
class SeedResult:
    """What the scores of one seed give."""

    threshold: float
    metrics: Measured
    soft: Measured
    gains: Measured
    downstream: dict[str, Gains]


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, record: Scores, labels: str, rivals: Curves
) -> tuple[Scorecard, pl.DataFrame]:
    """Make the scorecard of stored scores, with means over seeds and thresholds that are frozen on validation.

    Returns:
        The card, and the replicates of its measures: a column for each measure and a row for each resample of the test sources,
        null beyond the last resample that was drawn.
    """
    results = [judge_seed(truth, of_seed(truth, scores, record, seed), labels, rivals) for seed in record.seeds]
    metrics, soft, gained = (summary([getattr(result, group) for result in results]) for group in GROUPS)
    counts = count_rows(truth, labels)
    coverage = (counts.useful + counts.non_useful) / (counts.useful + counts.non_useful + counts.unlabelled)
    card = Scorecard(
        suite=truth.suite.folder,
        fingerprint=truth.fingerprint,
        ground_truth=truth.digest(labels),
        labels=labels,
        predictor=record.predictor,
        track=record.track,
        trained_on=record.trained_on,
        seeds=record.seeds,
        counts=counts,
        threshold=tuple(result.threshold for result in results),
        metrics=metrics | {"label_coverage": Measure(value=coverage)},
        soft=soft,
        gains=gained,
        downstream=mean_gains([result.downstream for result in results]),
        cost=record.cost,
        provenance=record.provenance,
    )
    return card, replicates_table(results, len(truth.resamples))


def of_seed(truth: GroundTruth, scores: pl.DataFrame, record: Scores, seed: int) -> pl.DataFrame:
    """The scores of one seed; raises ResultError where they are not those of this suite, or not complete."""
    if record.fingerprint != truth.fingerprint:
        raise ResultError(
            f"scores of {record.predictor} are of another suite or other images than {truth.suite.folder}"
        )
    expected = set(truth.indexed.scored_rows.select("source", "level").iter_rows())
    rows = scores.filter(seed=seed)
    if set(rows.select("source", "level").iter_rows()) != expected or rows["score"].is_nan().any():
        raise ResultError(f"scores of {record.predictor}, seed {seed}, are not complete for {truth.suite.folder}")
    return rows


def count_rows(truth: GroundTruth, labels: str) -> Counts:
    """The rows of the test part by their labels."""
    rows, every = truth.labelled(labels, "test"), truth.labels(labels).filter(part="test")
    _, pairs = within_level(rows["label"], np.zeros(rows.height), rows["level"])
    return Counts(
        sources=rows["source"].n_unique(),
        useful=rows.filter(label=1).height,
        non_useful=rows.filter(label=0).height,
        unlabelled=every.height - rows.height,
        soft=int(every["eligible"].sum()),
        pairs_within_levels=pairs,
    )


def summary(seeds: Sequence[Measured]) -> dict[str, Measure]:
    """The measures of one group over all seeds."""
    return {name: described(np.array([values[name] for values in seeds])) for name in seeds[0]}


def replicates_table(results: Sequence[SeedResult], draws: int) -> pl.DataFrame:
    """The means over seeds of every measure with replicates: a column each, null beyond the last resample that was drawn."""
    columns = {}
    for group in GROUPS:
        for name, first in getattr(results[0], group).items():
            if len(first) > 1:
                mean = np.mean([getattr(result, group)[name] for result in results], axis=0)[1:]
                columns[name] = pl.Series(name, mean, pl.Float32).extend_constant(None, draws - len(mean))
    return pl.DataFrame(columns)


def described(values: Floats) -> Measure:
    """Mean over seeds, its 95 % interval and the values of single seeds, where they exist; from (seeds, 1 + R)."""
    mean = values.mean(axis=0)
    low, high = bounds(mean[1:]) if len(mean) > 1 else (None, None)
    each = tuple(finite(value) for value in values[:, 0]) if len(values) > 1 else ()
    return Measure(value=finite(mean[0]), low=low, high=high, per_seed=each)


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str, rivals: Curves) -> SeedResult:
    """Threshold, measures of each group and gains of each held-out network, for the scores of one seed."""
    rows = {
        part: truth.labelled(labels, part).join(scores.filter(part=part), on=["source", "level"], maintain_order="left")
        for part in ("validation", "test")
    }
    threshold = classification.best_threshold(rows["validation"]["label"], rows["validation"]["score"])
    downstream, gained = gains(truth, scores.filter(part="held_out"), threshold, rivals)
    soft = truth.soft(labels, "test").join(scores.filter(part="test"), on=["source", "level"], maintain_order="left")
    metrics, followed = label_metrics(truth, rows["test"], threshold), soft_metrics(truth, soft)
    return SeedResult(threshold, metrics, followed, gained, downstream)


def label_metrics(truth: GroundTruth, rows: pl.DataFrame, threshold: float) -> Measured:
    """How well the scores predict the labels of these rows of the test part."""
    cluster, counts = truth.clusters(rows)
    y, s, levels = (rows[name].to_numpy() for name in ("label", "score", "level"))
    within, _ = within_level(y, s, levels)
    values: dict[str, float | None] = {
        **classification.decisions(y, s, threshold),
        "auroc": classification.auroc(y, s),
        "within_quality_auroc": within,
        "average_precision": classification.average_precision(y, s),
        "overlap": classification.overlap(y, s),
        "overlap_permuted": weighted.permuted_overlap(y, s, truth.fingerprint),
    }

    def redraw(kernel: bootstrap.Kernel, *columns: ArrayLike) -> Floats:
        return bootstrap.replicate(kernel, counts, cluster, *columns)

    replicates = {name: redraw(kernel, y, s) for name, kernel in KERNELS.items()}
    replicates["within_quality_auroc"] = redraw(weighted.within_level_auroc, y, s, levels)
    decided = redraw(weighted.decisions, y.astype(np.int64), s >= threshold)
    replicates |= dict(zip(("accuracy", "balanced_accuracy", "mcc"), decided.T, strict=True))
    return {
        name: np.r_[np.nan if value is None else value, replicates.get(name, np.empty(0))]
        for name, value in values.items()
    }


def soft_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """How well the scores follow the utility of these rows of the test part; NaN where all scores are equal."""
    cluster, counts = truth.clusters(rows)
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    try:
        values = [correlation.srcc(y, s), correlation.plcc(y, s), correlation.krcc(y, s), correlation.rmse(y, s)]
    except MetricError:
        return {name: np.full(1 + len(counts), np.nan) for name in correlation.SOFT}
    fit = bootstrap.replicate(correlation.fit_kernel, counts, cluster, y, correlation.fitted(y, s))
    replicates = [
        bootstrap.replicate(correlation.srcc_kernel, counts, cluster, y, s),
        fit[:, 0],
        correlation.krcc_replicates(counts, cluster, y, s),
        fit[:, 1],
    ]
    return {name: np.r_[value, drawn] for name, value, drawn in zip(correlation.SOFT, values, replicates, strict=True)}


def bounds(replicates: Floats) -> tuple[float | None, float | None]:
    """The 95 % interval, or (None, None) where most resamples of few sources have one class only."""
    try:
        return bootstrap.interval(replicates)
    except MetricError:
        return None, None


def within_level(labels: ArrayLike, scores: ArrayLike, levels: ArrayLike) -> tuple[float | None, int]:
    """The metric of this name, but (None, 0) where few rows are labelled and no level has both classes."""
    try:
        return classification.within_level_auroc(labels, scores, levels)
    except MetricError:
        return None, 0


def finite(value: float) -> float | None:
    """The number, or None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def mean_gains(seeds: Sequence[dict[str, Gains]]) -> dict[str, Gains]:
    """The mean over seeds of every value of each held-out network."""
    return msgspec.convert(means([msgspec.to_builtins(seed) for seed in seeds]), dict[str, Gains])


def means(trees: Sequence[Any]) -> Any:
    """The mean over dictionaries and lists of the same shape, number by number."""
    if isinstance(trees[0], dict):
        return {key: means([tree[key] for tree in trees]) for key in trees[0]}
    if isinstance(trees[0], list | tuple):
        return [means(values) for values in zip(*trees, strict=True)]
    return mean(trees)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None where there are no values or one of them is None."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None
