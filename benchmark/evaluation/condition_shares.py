"""The share of useful rows that the training part shows under a condition: all that can be known without looking at an image.

    condition_shares(truth, "combined", rows)          # one share for each row, higher = more useful

It is the content-blind rival of every predictor. What does not beat it has learned the conditions, not the images.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.bootstrap import Floats

PRIOR = 10
"""Number of rows that a share is drawn towards what is known without them."""
TIE = 1e-6
"""What a level adds to a share, so that higher levels win ties."""


def condition_shares(truth: GroundTruth, labels: str, images: pl.DataFrame, *, by_class: bool = False) -> Floats:
    """The share of useful rows at each image's condition, or at its condition and class.

    A share is (useful + m p) / (labelled + m), where m is `PRIOR` and p the share among all labelled training rows of the
    distortion, or for a class that of its condition. Shares never fall with the level, and are interpolated between levels.
    Those of unseen kinds are of training sources too, on which no predictor is trained.

    Args:
        truth: the ground truth of the suite.
        labels: the label set.
        images: N rows with columns source, distortion and level.
        by_class: whether the share is that of the source's class, in a suite of classification.

    Returns:
        Shape (N,).
    """
    lesson = truth.labels(labels).filter(pl.col("label") >= 0, part="train")
    overall = share_of(lesson, 0.5)
    kinds = images["distortion"].to_numpy()
    levels, shares = images["level"].to_numpy().astype(np.float64), np.zeros(images.height)
    taught, asked = (classes(truth, table, by_class) for table in (lesson, images))
    for choice in truth.suite.distortions:
        learned = np.array(sorted(choice.levels or choice.held_out))
        of_kind = lesson["distortion"].to_numpy() == choice.name
        rows = lesson.filter(of_kind)
        condition = shares_by_level(rows, learned, np.full(len(learned), share_of(rows, overall)))
        for kind in np.unique(asked[kinds == choice.name]).tolist():
            own = rows.filter(taught[of_kind] == kind)
            curve = shares_by_level(own, learned, condition) if by_class else condition
            chosen = (kinds == choice.name) & (asked == kind)
            shares[chosen] = np.interp(levels[chosen], learned, curve)
    return shares + TIE * levels


def share_of(rows: pl.DataFrame, otherwise: float) -> float:
    """The share of useful rows among labelled ones."""
    return float(rows["label"].mean()) if rows.height else otherwise  # type: ignore[arg-type] # the mean of numbers


def classes(truth: GroundTruth, rows: pl.DataFrame, by_class: bool) -> NDArray[np.int64]:
    """The class of each row's source, or 0 for all."""
    names = rows["source"] if by_class else ()
    return np.array([truth.indexed.truths[name] for name in names]) if by_class else np.zeros(rows.height, np.int64)


def shares_by_level(rows: pl.DataFrame, levels: NDArray[np.int64], prior: Floats) -> Floats:
    """The share of useful rows at each level, drawn towards `prior`, made never to fall with the level; each of shape (L,)."""
    from sklearn.isotonic import isotonic_regression

    at, useful = rows["level"].to_numpy(), rows["label"].to_numpy()
    counts = np.array([(at == level).sum() for level in levels])
    hits = np.array([useful[at == level].sum() for level in levels])
    share = (hits + PRIOR * prior) / (counts + PRIOR)
    return np.asarray(isotonic_regression(share, sample_weight=counts + PRIOR))
