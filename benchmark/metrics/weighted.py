"""Metrics of weighted rows for all resamples at once: rows (N,) and weights (R, N) give R values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.digests import digest
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.classification import histogram_edges

FEW = 8
"""Longest runs that are added column by column, which is faster than `numpy.add.reduceat` where scores are hardly ever tied."""


def ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, NaN where the divisor is 0.

    Examples:
        >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
        [0.5, nan]
    """
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


def sums_of_runs(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Sum of each run of columns, from one start to the next, as `numpy.add.reduceat` gives it: (R, N) and (G,) -> (R, G).

    Examples:
        >>> sums_of_runs(np.array([[1.0, 2.0, 4.0]]), starts=np.array([0, 1])).tolist()
        [[1.0, 6.0]]
    """
    lengths = np.diff(starts, append=values.shape[1])
    if lengths.max() > FEW:
        return np.add.reduceat(values, starts, axis=1)
    sums = values[:, starts]
    for offset in range(1, lengths.max()):
        longer = np.flatnonzero(lengths > offset)
        sums[:, longer] += values[:, starts[longer] + offset]
    return sums


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
    return sums_of_runs(useful, starts), sums_of_runs(weighed - useful, starts)


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


def stratified_auroc(weights: Floats, labels: NDArray[np.int64], scores: Floats, strata: NDArray[np.int64]) -> Floats:
    """Concordant pairs over pairs, pooled over strata; see `classification.stratified_auroc`.

    Examples:
        >>> strata = np.array([5, 5, 9, 9])
        >>> stratified_auroc(np.ones((1, 4)), np.array([0, 1, 0, 1]), scores=strata * 1.0, strata=strata).tolist()
        [0.5]
    """
    chosen = [strata == stratum for stratum in np.unique(strata)]
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

    `kept` has the shape (N,), or (R, N) where each replicate decides by a threshold of its own.

    Examples:
        >>> decisions(np.ones((1, 4)), np.array([0, 0, 0, 1]), kept=np.array([False, False, True, True])).round(3).tolist()
        [[0.75, 0.833, 0.577]]
    """
    chosen = weights * kept
    true, false = chosen @ labels, chosen @ (1 - labels)
    missed, rejected = weights @ labels - true, weights @ (1 - labels) - false
    accuracy = ratio(true + rejected, true + false + missed + rejected)
    balanced = (ratio(true, true + missed) + ratio(rejected, false + rejected)) / 2
    sides = np.sqrt((true + false) * (true + missed) * (rejected + false) * (rejected + missed))
    defined = np.isfinite(balanced)  # as in scikit-learn, 0 where all decisions are the same
    mcc = np.where(defined, np.nan_to_num(ratio(true * rejected - false * missed, sides)), np.nan)
    return np.stack([accuracy, balanced, mcc], axis=1)


def best_thresholds(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """The threshold of `classification.best_threshold` in each replicate, (R,); NaN where one label has no weight.

    Examples:
        >>> weights = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])     # all rows, and all but the second
        >>> best_thresholds(weights, np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])).tolist()
        [2.0, 3.0]
    """
    useful, others = tied(weights, labels, scores)
    kept = [np.cumsum(side[:, ::-1], axis=1)[:, ::-1] for side in (useful, others)]
    # Only scores that a replicate holds are thresholds of it, as on rows that are repeated.
    drawn = useful + others > 0
    gap = np.where(drawn, kept[0] * kept[1][:, :1] - kept[1] * kept[0][:, :1], -np.inf)
    chosen = np.unique(scores)[np.argmax(gap, axis=1)]
    return np.where((kept[0][:, 0] > 0) & (kept[1][:, 0] > 0), chosen, np.nan)


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


def permuted_overlap(
    labels: ArrayLike,
    scores: ArrayLike,
    conditions: ArrayLike,
    cluster: ArrayLike,
    *,
    seed: str,
    permutations: int = 200,
) -> float:
    """The mean overlap where each source has the labels of another one, within each condition: that of blind scores.

    Whole sources are exchanged, since the rows of one are alike. Rows whose counterpart has no label are left out.

    Args:
        labels: 1 useful or 0 non-useful, shape (N,).
        scores: finite, shape (N,).
        conditions: a number for the condition of each row, shape (N,).
        cluster: the source of each row, shape (N,); a source has at most one row a condition.
        seed: the same seed gives the same exchanges.
        permutations: number of exchanges.

    Examples:
        >>> conditions, cluster = [1, 2] * 50, np.repeat(range(50), 2)
        >>> permuted_overlap([0, 1] * 50, conditions, conditions, cluster, seed="glyphs")         # the condition tells all
        0.0
    """
    s = np.asarray(scores, np.float64)
    _, source = np.unique(np.asarray(cluster), return_inverse=True)
    _, condition = np.unique(np.asarray(conditions), return_inverse=True)
    table = np.full((source.max() + 1, condition.max() + 1), -1)
    table[source, condition] = np.asarray(labels)
    random = np.random.default_rng(int(digest("permutations", seed), 16))
    exchanged = np.stack([table[random.permutation(len(table))[source], condition] for _ in range(permutations)])
    bins = in_bins(s)
    useful, others = ((exchanged == value).astype(np.float64) for value in (1, 0))
    useful, others = (
        ratio(side @ bins, (side.sum(axis=1, keepdims=True) * bins.any(axis=0))) for side in (useful, others)
    )
    return float(np.nanmean(np.nansum(np.minimum(useful, others), axis=1)))


def reflected(values: Floats, *, least: float = 0.0, most: float = 1.0) -> Floats:
    """A value and its replicates without bootstrap bias, from (1 + R,): replicates are reflected about the value.

    The overlap of few rows in many bins is too low by chance, and that of their resamples again. The difference between the two
    estimates the bias. Quantiles of reflected replicates are the ends of the basic bootstrap interval (Davison and Hinkley,
    1997), and their mean is the corrected value.

    Examples:
        >>> reflected(np.array([0.5, 0.3, 0.5])).round(3).tolist()
        [0.6, 0.7, 0.5]
    """
    drawn = 2 * values[0] - values[1:]
    return np.clip(np.r_[np.nanmean(drawn) if np.isfinite(drawn).any() else values[0], drawn], least, most)


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
