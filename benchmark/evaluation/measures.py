"""Measures: stored scores and ground truth make a scorecard, by a pure function.

The threshold has the best balanced accuracy on the validation part and is frozen. Metrics are on the labelled rows of the test
part at the training levels, soft ones on all rows whose pristine versions are recognised correctly; gains are on the test part
at the held-out levels, unlabelled rows included. Intervals resample the test sources (`benchmark.metrics.bootstrap`); all
predictors of a suite share the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from benchmark.core.errors import MetricError, ResultError
from benchmark.evaluation.downstream import Curves, gains
from benchmark.evaluation.scorecard import GROUPS, Scorecard
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


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, metadata: dict[str, Any], labels: str, rivals: Curves
) -> tuple[Scorecard, pl.DataFrame]:
    """Make the scorecard of stored scores, with means over seeds and thresholds that are frozen on validation.

    Returns:
        The card, and the replicates of its measures: a column for each measure and a row for each resample of the test sources,
        null beyond the last resample that was drawn.
    """
    expected = set(truth.indexed.scored_rows.select("source", "level").iter_rows())
    if metadata["fingerprint"] != truth.fingerprint:
        raise ResultError(
            f"scores of {metadata['predictor']} are of another suite or other images than {truth.suite.folder}"
        )
    results = []
    for seed in metadata["seeds"]:
        seed_scores = scores.filter(seed=seed)
        if set(seed_scores.select("source", "level").iter_rows()) != expected or seed_scores["score"].is_nan().any():
            raise ResultError(
                f"scores of {metadata['predictor']}, seed {seed}, are not complete for {truth.suite.folder}"
            )
        results.append(judge_seed(truth, seed_scores, labels, rivals))
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
    summary: dict[str, dict[str, dict[str, float | None]]] = {group: {} for group in GROUPS}
    drawn = {"number": pl.Series("number", range(len(truth.resamples)), pl.Int16)}
    for group, entries in summary.items():
        for name in results[0][group]:
            values = np.array([result[group][name] for result in results])
            entries[name] = described(values)
            if values.shape[1] > 1:
                replicates = pl.Series(name, values.mean(axis=0)[1:], pl.Float32)
                drawn[name] = replicates.extend_constant(None, len(truth.resamples) - len(replicates))
    summary["metrics"]["label_coverage"] = {"value": rows.height / every.height}
    card = {
        "suite": truth.suite.folder,
        "fingerprint": truth.fingerprint,
        "ground_truth": truth.digest(labels),
        "labels": labels,
        **{key: metadata[key] for key in ("predictor", "track", "trained_on", "seeds")},
        "counts": counts,
        "threshold": [result["threshold"] for result in results],
        **summary,
        "downstream": means([result["downstream"] for result in results]),
        **{key: metadata[key] for key in ("cost", "provenance")},
    }
    return card, pl.DataFrame(drawn).drop("number")


def described(values: Floats) -> dict[str, float | None]:
    """Mean over seeds, its 95 % interval and the standard deviation over seeds, where they exist; from (seeds, 1 + R)."""
    mean = values.mean(axis=0)
    entry: dict[str, float | None] = {"value": finite(mean[0])}
    if len(mean) > 1:
        entry |= dict(zip(("low", "high"), bounds(mean[1:]), strict=True))
    if len(values) > 1:
        entry["spread"] = finite(values[:, 0].std(ddof=1))
    return entry


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str, rivals: Curves) -> dict[str, Any]:
    """Threshold, measures of each group and gains of each held-out network, for the scores of one seed."""
    rows = {
        part: truth.labelled(labels, part).join(scores.filter(part=part), on=["source", "level"], maintain_order="left")
        for part in ("validation", "test")
    }
    threshold = classification.best_threshold(rows["validation"]["label"], rows["validation"]["score"])
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


def means(trees: Sequence[Any]) -> Any:
    """The mean over dictionaries and lists of the same shape, number by number."""
    if isinstance(trees[0], dict):
        return {key: means([tree[key] for tree in trees]) for key in trees[0]}
    if isinstance(trees[0], list):
        return [means(values) for values in zip(*trees, strict=True)]
    return mean(trees)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None where there are no values or one of them is None."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None
