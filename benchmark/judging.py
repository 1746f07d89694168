"""Judging: stored scores + ground truth -> scorecard, a pure function.

Thresholds are those of best balanced accuracy on the validation part, frozen; metrics are on the labelled rows of the test part
at the training levels, soft ones on all rows whose pristine versions are got right; gains on the test part at the held-out
levels, unlabelled rows included. Intervals resample the test sources (`benchmark.statistics`); all predictors of a suite see
the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from benchmark import correlation, metrics, statistics
from benchmark.downstream import Curves, gains
from benchmark.errors import MetricError, ResultError
from benchmark.ground_truth import GroundTruth, wanted_rows
from benchmark.scorecard import GROUPS, Scorecard
from benchmark.statistics import Floats

KERNELS = {
    "auroc": statistics.auroc,
    "average_precision": statistics.average_precision,
    "overlap": statistics.overlap,
}
Measured = dict[str, Floats]
"""Name -> value on the test part, then in each resample of it, shape (1 + R,); or (1,), where there is no interval."""


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, metadata: dict[str, Any], labels: str, rivals: Curves
) -> tuple[Scorecard, pl.DataFrame]:
    """The scorecard of stored scores: means over seeds, thresholds frozen on validation.

    Returns:
        The card, and the replicates of its measures: a column each, a row for each resample of the test sources, null beyond
        the last one that was drawn.
    """
    expected = {(source, level) for _, source, level in wanted_rows(truth)}
    if metadata["fingerprint"] != truth.fingerprint:
        raise ResultError(
            f"scores of {metadata['predictor']} are of another suite or other images than {truth.suite.folder}"
        )
    results = []
    for seed in metadata["seeds"]:
        mine = scores.filter(seed=seed)
        if set(mine.select("source", "level").iter_rows()) != expected or mine["score"].is_nan().any():
            raise ResultError(
                f"scores of {metadata['predictor']}, seed {seed}, are not complete for {truth.suite.folder}"
            )
        results.append(judge_seed(truth, mine, labels, rivals))
    rows, every = truth.labelled(labels, "test"), truth.labels(labels).filter(part="test")
    _, pairs = within_level(rows["label"], np.zeros(rows.height), rows["level"])
    counts = {
        "sources": rows["source"].n_unique(),
        "useful": rows.filter(label=1).height,
        "non_useful": rows.filter(label=0).height,
        "unlabelled": every.height - rows.height,
        "soft": every["eligible"].sum(),
        "pairs_within_levels": pairs,
    }
    told: dict[str, dict[str, dict[str, float | None]]] = {group: {} for group in GROUPS}
    drawn = {"number": pl.Series("number", range(len(truth.resamples)), pl.Int16)}
    for group, found in told.items():
        for name in results[0][group]:
            values = np.array([result[group][name] for result in results])
            found[name] = described(values)
            if values.shape[1] > 1:
                replicates = pl.Series(name, values.mean(axis=0)[1:], pl.Float32)
                drawn[name] = replicates.extend_constant(None, len(truth.resamples) - len(replicates))
    told["metrics"]["label_coverage"] = {"value": rows.height / every.height}
    card = {
        "suite": truth.suite.folder,
        "fingerprint": truth.fingerprint,
        "ground_truth": truth.digest(labels),
        "labels": labels,
        **{key: metadata[key] for key in ("predictor", "track", "trained_on", "seeds")},
        "counts": counts,
        "threshold": [result["threshold"] for result in results],
        **told,
        "downstream": means([result["downstream"] for result in results]),
        **{key: metadata[key] for key in ("cost", "provenance")},
    }
    return card, pl.DataFrame(drawn).drop("number")


def described(values: Floats) -> dict[str, float | None]:
    """Mean over seeds, 95 % interval of it, and standard deviation over seeds, where there are any; from (seeds, 1 + R)."""
    mean = values.mean(axis=0)
    found: dict[str, float | None] = {"value": finite(mean[0])}
    if len(mean) > 1:
        found |= dict(zip(("low", "high"), bounds(mean[1:]), strict=True))
    if len(values) > 1:
        found["spread"] = finite(values[:, 0].std(ddof=1))
    return found


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str, rivals: Curves) -> dict[str, Any]:
    """Threshold, measures of each group, and what each held-out network gains, of the scores of one seed."""
    rows = {
        part: truth.labelled(labels, part).join(scores.filter(part=part), on=["source", "level"], maintain_order="left")
        for part in ("validation", "test")
    }
    threshold = metrics.best_threshold(rows["validation"]["label"], rows["validation"]["score"])
    downstream, gained = gains(truth, scores.filter(part="held_out"), threshold, rivals)
    soft = truth.soft(labels, "test").join(scores.filter(part="test"), on=["source", "level"], maintain_order="left")
    return {
        "threshold": threshold,
        "metrics": label_metrics(truth, rows["test"], threshold),
        "soft": soft_metrics(truth, soft),
        "gains": gained,
        "downstream": downstream,
    }


def label_metrics(truth: GroundTruth, rows: pl.DataFrame, threshold: float) -> Measured:
    """How well the scores tell the labels of these rows of the test part."""
    cluster, counts = truth.clusters(rows)
    y, s, levels = (rows[name].to_numpy() for name in ("label", "score", "level"))
    within, _ = within_level(y, s, levels)
    values: dict[str, float | None] = {
        **metrics.decisions(y, s, threshold),
        "auroc": metrics.auroc(y, s),
        "within_quality_auroc": within,
        "average_precision": metrics.average_precision(y, s),
        "overlap": metrics.overlap(y, s),
        "overlap_permuted": statistics.permuted_overlap(y, s, truth.fingerprint),
    }

    def redraw(kernel: statistics.Kernel, *columns: ArrayLike) -> Floats:
        return statistics.replicate(kernel, counts, cluster, *columns)

    replicates = {name: redraw(kernel, y, s) for name, kernel in KERNELS.items()}
    replicates["within_quality_auroc"] = redraw(statistics.within_level_auroc, y, s, levels)
    decided = redraw(statistics.decisions, y.astype(np.int64), s >= threshold)
    replicates |= dict(zip(("accuracy", "balanced_accuracy", "mcc"), decided.T, strict=True))
    return {
        name: np.r_[np.nan if value is None else value, replicates.get(name, np.empty(0))]
        for name, value in values.items()
    }


def soft_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """How well the scores follow the utility of these rows of the test part; NaN where all scores are the same."""
    cluster, counts = truth.clusters(rows)
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    try:
        values = [correlation.srcc(y, s), correlation.plcc(y, s), correlation.krcc(y, s), correlation.rmse(y, s)]
    except MetricError:
        return {name: np.full(1 + len(counts), np.nan) for name in correlation.SOFT}
    fit = statistics.replicate(correlation.fit_kernel, counts, cluster, y, correlation.fitted(y, s))
    replicates = [
        statistics.replicate(correlation.srcc_kernel, counts, cluster, y, s),
        fit[:, 0],
        correlation.krcc_replicates(counts, cluster, y, s),
        fit[:, 1],
    ]
    return {name: np.r_[value, drawn] for name, value, drawn in zip(correlation.SOFT, values, replicates, strict=True)}


def bounds(replicates: Floats) -> tuple[float | None, float | None]:
    """The 95 % interval, or (None, None) where most resamples of few sources have one class only."""
    try:
        return statistics.interval(replicates)
    except MetricError:
        return None, None


def within_level(labels: ArrayLike, scores: ArrayLike, levels: ArrayLike) -> tuple[float | None, int]:
    """As the metric, but (None, 0) where few rows are labelled and no level has both classes."""
    try:
        return metrics.within_level_auroc(labels, scores, levels)
    except MetricError:
        return None, 0


def finite(value: float) -> float | None:
    """The number, or None where it is none."""
    return float(value) if np.isfinite(value) else None


def means(trees: Sequence[Any]) -> Any:
    """The mean over dictionaries and lists of the same shape, number by number."""
    if isinstance(trees[0], dict):
        return {key: means([tree[key] for tree in trees]) for key in trees[0]}
    if isinstance(trees[0], list):
        return [means(some) for some in zip(*trees, strict=True)]
    return mean(trees)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None where there is nothing or something is None."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
