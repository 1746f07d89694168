"""Judging: stored scores + ground truth -> scorecard, a pure function.

Thresholds are those of best balanced accuracy on the validation part, frozen; metrics are on the labelled rows of the test part
at the training levels; downstream gains on the test part at the held-out levels, unlabelled rows included. Intervals resample
the test sources (`benchmark.statistics`); all predictors of a suite see the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from benchmark import metrics, statistics
from benchmark.errors import MetricError, ResultError
from benchmark.ground_truth import GroundTruth
from benchmark.scorecard import Scorecard

KERNELS = {
    "auroc": statistics.auroc,
    "average_precision": statistics.average_precision,
    "overlap": statistics.overlap,
}
MEASURED = (*KERNELS, "within_quality_auroc", "accuracy", "balanced_accuracy", "mcc")
"""Metrics that have intervals."""


def wanted_rows(truth: GroundTruth) -> list[tuple[str, str, int]]:
    """(part, source, level): validation and test at the training levels, test at the held-out ones."""
    levels, held_out = truth.suite.distortion.levels, truth.suite.distortion.held_out
    chosen = [("validation", levels), ("test", levels), ("held_out", held_out)]
    return [
        (part, source.id, level)
        for part, some in chosen
        for source in truth.parts["test" if part == "held_out" else part]
        for level in some
    ]


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, metadata: dict[str, Any], labels: str
) -> tuple[Scorecard, pl.DataFrame]:
    """The scorecard of stored scores: means over seeds, thresholds frozen on validation.

    Returns:
        The card, and the replicates of its metrics: a column each, a row for each resample of the test sources.
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
        results.append(judge_seed(truth, mine, labels))
    rows = truth.labelled(labels, "test")
    _, pairs = within_level(rows["label"], np.zeros(rows.height), rows["level"])
    every = truth.labels(labels).filter(part="test")
    counts = {
        "sources": rows["source"].n_unique(),
        "useful": rows.filter(label=1).height,
        "non_useful": rows.filter(label=0).height,
        "unlabelled": every.height - rows.height,
        "pairs_within_levels": pairs,
    }
    replicates = {name: np.mean([result["replicates"][name] for result in results], axis=0) for name in MEASURED}
    averaged: dict[str, dict[str, float | None]] = {
        name: {"value": mean([result["metrics"][name] for result in results])} for name in results[0]["metrics"]
    }
    for name, values in replicates.items():
        averaged[name] |= dict(zip(("low", "high"), bounds(values), strict=True))
    averaged["label_coverage"] = {"value": rows.height / every.height}
    card = {
        "suite": truth.suite.folder,
        "fingerprint": truth.fingerprint,
        "ground_truth": truth.digest(labels),
        "labels": labels,
        **{key: metadata[key] for key in ("predictor", "track", "trained_on", "seeds")},
        "counts": counts,
        "threshold": [result["threshold"] for result in results],
        "metrics": averaged,
        "downstream": means([result["downstream"] for result in results]),
        **{key: metadata[key] for key in ("cost", "provenance")},
    }
    return card, pl.DataFrame(replicates, schema=dict.fromkeys(MEASURED, pl.Float32))


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str) -> dict[str, Any]:
    """Threshold, metrics with their replicates, and downstream gains of the scores of one seed."""
    validation, test = (
        truth.labelled(labels, part).join(scores.filter(part=part), on=["source", "level"], maintain_order="left")
        for part in ("validation", "test")
    )
    threshold = metrics.best_threshold(validation["label"], validation["score"])
    y, s = test["label"].to_numpy(), test["score"].to_numpy()
    within, _ = within_level(y, s, test["level"])
    found: dict[str, float | None] = {
        **metrics.decisions(y, s, threshold),
        "auroc": metrics.auroc(y, s),
        "within_quality_auroc": within,
        "average_precision": metrics.average_precision(y, s),
        "overlap": metrics.overlap(y, s),
    }
    held_out = scores.filter(part="held_out")
    downstream = {name: truth.downstream(name).gains(held_out, threshold) for name in truth.suite.networks.held_out}
    replicates = resampled(truth, test, threshold)
    return {"threshold": threshold, "metrics": found, "replicates": replicates, "downstream": downstream}


def resampled(truth: GroundTruth, rows: pl.DataFrame, threshold: float) -> dict[str, NDArray[np.float64]]:
    """Replicates of the metrics of MEASURED, each of shape (R,); `rows` are of the test part, with label and score."""
    cluster, counts = clusters(truth, rows)
    y, s, levels = (rows[name].to_numpy() for name in ("label", "score", "level"))

    def redraw(kernel: statistics.Kernel, *columns: ArrayLike) -> NDArray[np.float64]:
        return statistics.replicate(kernel, counts, cluster, *columns)

    decided = redraw(statistics.decisions, y.astype(np.int64), s >= threshold)
    found = {name: redraw(kernel, y, s) for name, kernel in KERNELS.items()}
    found["within_quality_auroc"] = redraw(statistics.within_level_auroc, y, s, levels)
    return found | dict(zip(("accuracy", "balanced_accuracy", "mcc"), decided.T, strict=True))


def clusters(truth: GroundTruth, rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Index of each row's source among the test sources, and the suite's common resamples of them."""
    place = {source.id: number for number, source in enumerate(truth.parts["test"])}
    counts = statistics.resamples(len(place), truth.fingerprint)
    return np.array([place[source] for source in rows["source"]]), counts


def bounds(replicates: NDArray[np.float64]) -> tuple[float | None, float | None]:
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


def means(trees: Sequence[Any]) -> Any:
    """The mean over dictionaries of the same shape, number by number."""
    if isinstance(trees[0], dict):
        return {key: means([tree[key] for tree in trees]) for key in trees[0]}
    return mean(trees)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None where there is nothing or something is None."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
