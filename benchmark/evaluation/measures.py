"""Measures: stored scores and ground truth make a scorecard, by a pure function.

The threshold has the best balanced accuracy on the validation part and is frozen. Metrics are on the labelled rows of the test
part at the training levels, soft ones on all rows whose pristine versions are recognised correctly; gains are on the test part
at the held-out levels, unlabelled rows included. Intervals resample the test sources (`benchmark.metrics.bootstrap`), the
validation sources too where there is a threshold, and hold the spread between seeds (`benchmark.metrics.seeds`); all
predictors of a suite share the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from benchmark.core.errors import MetricError, ResultError
from benchmark.evaluation.card_parts import Counts, Measure
from benchmark.evaluation.downstream import Curves, SeedGains, gains, mean_gains
from benchmark.evaluation.measure_table import GROUPS, describe
from benchmark.evaluation.scorecard import FORMAT, Scorecard, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap, classification, correlation, weighted
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.seeds import over_seeds
from benchmark.suites.results_folder import file_stem

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
    downstream: SeedGains

    def measured(self, group: str) -> Measured:
        """The measures of one of GROUPS."""
        return {"metrics": self.metrics, "soft": self.soft, "gains": self.downstream.gains}[group]


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, record: Scores, labels: str, rivals: Curves
) -> tuple[Scorecard, pl.DataFrame]:
    """Make the scorecard of stored scores, with means over seeds and thresholds that are frozen on validation.

    Returns:
        The card, and the replicates of its measures: a column for each measure and a row for each resample of the test sources,
        null beyond the last resample that was drawn.
    """
    results = [judge_seed(truth, of_seed(truth, scores, record, seed), labels, rivals) for seed in record.seeds]
    predictor = file_stem(record.predictor, record.trained_on)
    merged = {group: merge_seeds([result.measured(group) for result in results], predictor) for group in GROUPS}
    summary = {
        group: {
            name: described(values, [result.measured(group)[name][0] for result in results])
            for name, values in merged[group].items()
        }
        for group in GROUPS
    }
    counts = count_rows(truth, labels)
    coverage = (counts.useful + counts.non_useful) / (counts.useful + counts.non_useful + counts.unlabelled)
    card = Scorecard(
        format=FORMAT,
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
        metrics=summary["metrics"] | {"label_coverage": Measure(value=coverage)},
        soft=summary["soft"],
        gains=summary["gains"],
        downstream=mean_gains([result.downstream for result in results], predictor),
        cost=record.cost,
        provenance=record.provenance,
    )
    every = {name: values for group in merged.values() for name, values in group.items()}
    return card, replicates_table(every, len(truth.resamples["test"]))


def merge_seeds(seeds: Sequence[Measured], predictor: str) -> Measured:
    """The mean over seeds of each measure of a group, with replicates that hold the spread between seeds."""
    merged = {}
    for name in seeds[0]:
        scale, values = describe(name), np.array([measured[name] for measured in seeds])
        merged[name] = over_seeds(values, f"{predictor}, {name}", least=scale.least, most=scale.most)
    return merged


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


def replicates_table(measured: Measured, draws: int) -> pl.DataFrame:
    """The replicates of every measure that has some: a column each, null beyond the last resample that was drawn."""
    columns = {
        name: pl.Series(name, values[1:], pl.Float32).extend_constant(None, draws - len(values) + 1)
        for name, values in measured.items()
        if len(values) > 1
    }
    return pl.DataFrame(columns)


def described(values: Floats, per_seed: Sequence[float]) -> Measure:
    """A measure from its value and replicates, shape (1 + R,), and from the values of single seeds."""
    low, high = bounds(values[1:]) if len(values) > 1 else (None, None)
    each = tuple(finite(value) for value in per_seed) if len(per_seed) > 1 else ()
    return Measure(value=finite(values[0]), low=low, high=high, per_seed=each)


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str, rivals: Curves) -> SeedResult:
    """Threshold, measures of each group and gains of each held-out network, for the scores of one seed."""
    rows = {
        part: truth.labelled(labels, part).join(scores.filter(part=part), on=["source", "level"], maintain_order="left")
        for part in ("validation", "test")
    }
    thresholds = drawn_thresholds(truth, rows["validation"])
    downstream = gains(truth, scores.filter(part="held_out"), thresholds, rivals)
    soft = truth.soft(labels, "test").join(scores.filter(part="test"), on=["source", "level"], maintain_order="left")
    return SeedResult(
        threshold=float(thresholds[0]),
        metrics=label_metrics(truth, rows["test"], thresholds),
        soft=soft_metrics(truth, soft),
        downstream=downstream,
    )


def drawn_thresholds(truth: GroundTruth, rows: pl.DataFrame) -> Floats:
    """The threshold that these rows of the validation part give, then that of each resample of its sources, (1 + R,).

    Each resample of the test sources is decided by a threshold of its own, so that intervals hold the threshold's chance too.
    """
    y, s = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy()
    threshold = classification.best_threshold(y, s)
    cluster, counts = truth.clusters(rows, "validation")
    drawn = bootstrap.replicate(weighted.best_thresholds, counts, cluster, y, s)
    return np.r_[threshold, np.where(np.isfinite(drawn), drawn, threshold)]


def label_metrics(truth: GroundTruth, rows: pl.DataFrame, thresholds: Floats) -> Measured:
    """How well the scores predict the labels of these rows of the test part."""
    cluster, counts = truth.clusters(rows, "test")
    y, s, levels = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy(), rows["level"].to_numpy()
    strata = 3 * levels.astype(np.int64) + [truth.size_thirds[source] for source in rows["source"]]
    values: dict[str, float | None] = {
        **classification.decisions(y, s, float(thresholds[0])),
        "auroc": classification.auroc(y, s),
        "within_quality_auroc": within_level(y, s, levels)[0],
        "within_quality_and_size_auroc": within_level(y, s, strata)[0],
        "average_precision": classification.average_precision(y, s),
        "overlap": classification.overlap(y, s),
        "overlap_permuted": weighted.permuted_overlap(y, s, levels, cluster, seed=truth.fingerprint),
    }

    def decided(weights: Floats, drawn: Floats) -> Floats:
        return weighted.decisions(weights, y, s >= drawn[:, None])

    replicates = {name: bootstrap.replicate(kernel, counts, cluster, y, s) for name, kernel in KERNELS.items()}
    for name, groups in (("within_quality_auroc", levels), ("within_quality_and_size_auroc", strata)):
        replicates[name] = bootstrap.replicate(weighted.within_level_auroc, counts, cluster, y, s, groups)
    decisions = bootstrap.replicate(decided, counts, cluster, choices=thresholds[1:])
    replicates |= dict(zip(("accuracy", "balanced_accuracy", "mcc"), decisions.T, strict=True))
    measured = {
        name: np.r_[np.nan if value is None else value, replicates.get(name, np.empty(0))]
        for name, value in values.items()
    }
    return measured | {"overlap": weighted.reflected(measured["overlap"])}


def soft_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """How well the scores follow the utility of these rows of the test part; NaN where all scores are equal."""
    cluster, counts = truth.clusters(rows, "test")
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    try:
        curve = correlation.fitted(y, s)
    except MetricError:
        return {name: np.full(1 + len(counts), np.nan) for name in correlation.SOFT}
    plcc, rmse = correlation.fit_kernel(np.ones((1, len(y))), y, curve)[0]
    values = [correlation.srcc(y, s), plcc, correlation.krcc(y, s), rmse]
    fit = bootstrap.replicate(correlation.fit_kernel, counts, cluster, y, curve)
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
