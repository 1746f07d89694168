"""Metrics of weighted rows for all resamples at once: rows (N,) and weights (R, N) give R values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.digests import digest
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.classification import histogram_edges


def ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, NaN where the divisor is 0.

    Examples:
        >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
        [0.5, nan]
    """
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


def tied(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Weight of the useful and of the non-useful rows at each distinct score, in rising order; (R, G) each.

    Examples:
        >>> useful, others = tied(np.array([[1.0, 1.0, 2.0]]), np.array([0, 1, 1]), np.array([5.0, 5.0, 7.0]))
        >>> useful.tolist(), others.tolist()
        ([[1.0, 2.0]], [[1.0, 0.0]])
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    weighed = weights[:, order]
    useful = weighed * labels[order]
    return np.add.reduceat(useful, starts, axis=1), np.add.reduceat(weighed - useful, starts, axis=1)


def concordance(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Weight of the pairs (useful, non-useful) that are in order, ties counted half, and of all pairs.

    Examples:
        >>> in_order, pairs = concordance(np.ones((1, 4)), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
        >>> in_order.tolist(), pairs.tolist()
        ([3.0], [4.0])
    """
    useful, others = tied(weights, labels, scores)
    below = np.cumsum(others, axis=1) - others / 2
    return (useful * below).sum(axis=1), useful.sum(axis=1) * others.sum(axis=1)


def auroc(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the ROC curve; see `classification.auroc`.

    Examples:
        >>> weights = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]])     # all rows, and all but the second
        >>> auroc(weights, np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
        [0.75, 1.0]
    """
    return ratio(*concordance(weights, labels, scores))


def within_level_auroc(weights: Floats, labels: NDArray[np.int64], scores: Floats, levels: NDArray[np.int64]) -> Floats:
    """Concordant pairs over pairs, pooled over levels; see `classification.within_level_auroc`.

    Examples:
        >>> levels = np.array([5, 5, 9, 9])
        >>> within_level_auroc(np.ones((1, 4)), np.array([0, 1, 0, 1]), scores=levels * 1.0, levels=levels).tolist()
        [0.5]
    """
    chosen = [levels == level for level in np.unique(levels)]
    pairs = np.array([concordance(weights[:, rows], labels[rows], scores[rows]) for rows in chosen])
    return ratio(*pairs.sum(axis=0))


def average_precision(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the precision-recall curve; see `classification.average_precision`.

    Examples:
        >>> average_precision(np.ones((1, 4)), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0])).round(3).tolist()
        [0.833]
    """
    useful, others = (weight[:, ::-1] for weight in tied(weights, labels, scores))
    true = np.cumsum(useful, axis=1)
    precision = np.nan_to_num(ratio(true, true + np.cumsum(others, axis=1)))
    return ratio((useful * precision).sum(axis=1), true[:, -1])


def decisions(weights: Floats, labels: NDArray[np.int64], kept: NDArray[np.bool_]) -> Floats:
    """Accuracy, balanced accuracy and Matthews' correlation of a decision, (R, 3); see `classification.decisions`.

    Examples:
        >>> decisions(np.ones((1, 4)), np.array([0, 0, 0, 1]), kept=np.array([False, False, True, True])).round(3).tolist()
        [[0.75, 0.833, 0.577]]
    """
    true, false = weights @ (labels * kept), weights @ ((1 - labels) * kept)
    missed, rejected = weights @ (labels * ~kept), weights @ ((1 - labels) * ~kept)
    accuracy = ratio(true + rejected, true + false + missed + rejected)
    balanced = (ratio(true, true + missed) + ratio(rejected, false + rejected)) / 2
    sides = np.sqrt((true + false) * (true + missed) * (rejected + false) * (rejected + missed))
    defined = np.isfinite(balanced)  # as in scikit-learn, 0 where all decisions are the same
    mcc = np.where(defined, np.nan_to_num(ratio(true * rejected - false * missed, sides)), np.nan)
    return np.stack([accuracy, balanced, mcc], axis=1)


def kept_mean(weights: Floats, values: Floats, priorities: Floats, shares: ArrayLike) -> Floats:
    """Mean of the values that are kept, highest priority first; values of equal priority are kept in proportion.

    This is the average over all random orders of values of equal priority, without drawing any.

    Args:
        weights: shape (R, N).
        values: shape (N,).
        priorities: shape (N,).
        shares: shares of the weight that are kept, 0 to 1, shape (F,) or (R, F).

    Returns:
        Shape (R, F); NaN at a share of 0.

    Examples:
        >>> values, priorities = np.array([1.0, 1.0, 0.0, 0.0]), np.array([4.0, 3.0, 2.0, 1.0])
        >>> kept_mean(np.ones((1, 4)), values, priorities, shares=[0.5, 1.0]).tolist()
        [[1.0, 0.5]]
    """
    order = np.argsort(-priorities, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(priorities[order]) != 0, True])
    weighed = weights[:, order]
    totals, value_sums = (np.cumsum(terms, axis=1)[:, ends] for terms in (weighed, weighed * values[order]))
    kept = np.asarray(shares, np.float64) * totals[:, -1:]
    sums = [np.interp(row, np.r_[0, x], np.r_[0, y]) for row, x, y in zip(kept, totals, value_sums, strict=True)]
    return ratio(np.array(sums), kept)


def permuted_overlap(labels: ArrayLike, scores: ArrayLike, seed: str, *, permutations: int = 200) -> float:
    """The mean overlap of the scores over labels that are shuffled among the rows: its value for uninformative scores.

    It is below 1, since few rows in many bins differ by chance.

    Examples:
        >>> 0.5 < permuted_overlap([0, 1] * 50, range(100), seed="glyphs") < 1
        True
    """
    y, s = np.asarray(labels), np.asarray(scores, np.float64)
    random = np.random.default_rng(int(digest("permutations", seed), 16))
    shuffled = random.permuted(np.broadcast_to(y, (permutations, len(y))), axis=1)
    bins = in_bins(s)
    useful, others = (members @ bins / members.sum(axis=1, keepdims=True) for members in (shuffled, 1 - shuffled))
    return float(np.minimum(useful, others).sum(axis=1).mean())


def in_bins(scores: Floats) -> Floats:
    """One-hot membership of each score in the quantile bins of all rows, (N, B).

    Examples:
        >>> in_bins(np.array([0.3, 0.8, 0.3])).tolist()
        [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    indices = np.digitize(scores, histogram_edges(scores)) - 1
    return np.asarray(np.eye(indices.max() + 1)[indices])


def overlap(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Overlap of the classes' histograms in the quantile bins of all rows; see `classification.overlap`.

    Examples:
        >>> overlap(np.ones((1, 4)), np.array([1, 1, 0, 0]), np.array([3.0, 4.0, 1.0, 2.0])).tolist()
        [0.0]
    """
    bins = in_bins(scores)
    useful, others = (weights * labels) @ bins, (weights * (1 - labels)) @ bins
    shares = (ratio(side, side.sum(axis=1, keepdims=True).repeat(side.shape[1], axis=1)) for side in (useful, others))
    return np.minimum(*shares).sum(axis=1)
