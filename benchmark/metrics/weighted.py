"""Metrics of weighted rows for all resamples at once: rows (N,) and weights (R, N) give R values."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.bootstrap import Floats, Weights

Number = TypeVar("Number", np.int64, np.float64)
FEW = 8
"""Longest runs that are added column by column, which is faster than `numpy.add.reduceat` where scores are hardly ever tied."""
FEW_PRIORITIES = 64
"""Most different priorities whose rows are added by a matrix product, which is faster than running sums over all rows where
there are as many replicates."""


def ratio(above: ArrayLike, below: ArrayLike) -> Floats:
    """Quotient, NaN where the divisor is 0.

    Examples:
        >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
        [0.5, nan]
    """
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.not_equal(below, 0))


def run_starts(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Where each run of equal values begins, (N,) -> (G,).

    Examples:
        >>> run_starts(np.array([5, 5, 7])).tolist()
        [0, 2]
    """
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def sums_of_runs(values: NDArray[Number], starts: NDArray[np.int64]) -> NDArray[Number]:
    """Sum of each run of columns, from one start to the next, as `numpy.add.reduceat` gives it: (R, N) and (G,) -> (R, G).

    Examples:
        >>> sums_of_runs(np.array([[1.0, 2.0, 4.0]]), starts=np.array([0, 1])).tolist()
        [[1.0, 6.0]]
    """
    lengths = np.diff(starts, append=values.shape[1])
    if lengths.max() > FEW:
        return np.add.reduceat(values, starts, axis=1)
    sums = values.take(starts, axis=1)
    for offset in range(1, lengths.max()):
        longer = np.flatnonzero(lengths > offset)
        sums[:, longer] += values[:, starts[longer] + offset]
    return sums


def tied(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> tuple[Weights, Weights]:
    """Weight of the useful and of the non-useful rows at each distinct score, in rising order; (R, G) each.

    Examples:
        >>> useful, others = tied(np.array([[1, 1, 2]]), np.array([0, 1, 1]), np.array([5.0, 5.0, 7.0]))
        >>> useful.tolist(), others.tolist()
        ([[1, 2]], [[1, 0]])
    """
    order = np.argsort(scores, kind="stable")
    starts = run_starts(scores[order])
    weighed = weights.take(order, axis=1)
    useful = weighed * labels[order]
    return sums_of_runs(useful, starts), sums_of_runs(weighed - useful, starts)


def concordance(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Weights]:
    """Weight of the pairs (useful, non-useful) that are in order, ties counted half, and of all pairs.

    Examples:
        >>> in_order, pairs = concordance(np.ones((1, 4), int), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
        >>> in_order.tolist(), pairs.tolist()
        ([3.0], [4])
    """
    useful, others = tied(weights, labels, scores)
    twice_below = 2 * np.cumsum(others, axis=1) - others
    return (useful * twice_below).sum(axis=1) / 2, useful.sum(axis=1) * others.sum(axis=1)


def auroc(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the ROC curve; see `classification.auroc`.

    Examples:
        >>> weights = np.array([[1, 1, 1, 1], [1, 0, 1, 1]])     # all rows, and all but the second
        >>> auroc(weights, np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
        [0.75, 1.0]
    """
    return ratio(*concordance(weights, labels, scores))


def stratified_auroc(weights: Weights, labels: NDArray[np.int64], scores: Floats, strata: NDArray[np.int64]) -> Floats:
    """Concordant pairs over pairs, pooled over strata; see `classification.stratified_auroc`.

    Examples:
        >>> strata = np.array([5, 5, 9, 9])
        >>> stratified_auroc(np.ones((1, 4), int), np.array([0, 1, 0, 1]), scores=strata * 1.0, strata=strata).tolist()
        [0.5]
    """
    chosen = [strata == stratum for stratum in np.unique(strata)]
    pairs = np.array([concordance(weights[:, rows], labels[rows], scores[rows]) for rows in chosen])
    return ratio(*pairs.sum(axis=0))


def average_precision(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the precision-recall curve; see `classification.average_precision`.

    Examples:
        >>> average_precision(np.ones((1, 4), int), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0])).round(3).tolist()
        [0.833]
    """
    useful, others = (weight[:, ::-1] for weight in tied(weights, labels, scores))
    true = np.cumsum(useful, axis=1)
    precision = np.nan_to_num(ratio(true, true + np.cumsum(others, axis=1)))
    return ratio((useful * precision).sum(axis=1), true[:, -1])


def decisions(weights: Weights, labels: NDArray[np.int64], kept: NDArray[np.bool_]) -> Floats:
    """Accuracy, balanced accuracy and Matthews' correlation of a decision, (R, 3); see `classification.decisions`.

    `kept` has the shape (N,), or (R, N) where each replicate decides by a threshold of its own.

    Examples:
        >>> kept = np.array([False, False, True, True])
        >>> decisions(np.ones((1, 4), int), np.array([0, 0, 0, 1]), kept).round(3).tolist()
        [[0.75, 0.833, 0.577]]
    """
    weighed, sides = weights.astype(np.float64), np.stack([labels, 1 - labels], axis=1).astype(np.float64)
    true, false = ((weighed * kept) @ sides).T
    missed, rejected = (weighed @ sides).T - (true, false)
    accuracy = ratio(true + rejected, true + false + missed + rejected)
    balanced = (ratio(true, true + missed) + ratio(rejected, false + rejected)) / 2
    spread = np.sqrt((true + false) * (true + missed) * (rejected + false) * (rejected + missed))
    defined = np.isfinite(balanced)  # as in scikit-learn, 0 where all decisions are the same
    mcc = np.where(defined, np.nan_to_num(ratio(true * rejected - false * missed, spread)), np.nan)
    return np.stack([accuracy, balanced, mcc], axis=1)


def best_thresholds(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """The threshold of `classification.best_threshold` in each replicate, (R,); NaN where one label has no weight.

    Examples:
        >>> weights = np.array([[1, 1, 1], [1, 0, 1]])     # all rows, and all but the second
        >>> best_thresholds(weights, np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])).tolist()
        [2.0, 3.0]
    """
    useful, others = tied(weights, labels, scores)
    kept = [np.cumsum(side[:, ::-1], axis=1)[:, ::-1] for side in (useful, others)]
    # Only scores that a replicate holds are thresholds of it, as on rows that are repeated.
    drawn = useful + others > 0
    gap = np.where(drawn, kept[0] * kept[1][:, :1] - kept[1] * kept[0][:, :1], np.iinfo(np.int64).min)
    chosen = np.unique(scores)[np.argmax(gap, axis=1)]
    return np.where((kept[0][:, 0] > 0) & (kept[1][:, 0] > 0), chosen, np.nan)


def kept_mean(weights: Weights, values: NDArray[Any], priorities: Floats, shares: ArrayLike) -> Floats:
    """Mean of the values that are kept, highest priority first; values of equal priority are kept in proportion.

    This is the average over all random orders of values of equal priority, without drawing any.

    Args:
        weights: shape (R, N).
        values: shape (N,); integers are added faster than floats.
        priorities: shape (N,).
        shares: shares of the weight that are kept, 0 to 1, shape (F,) or (R, F).

    Returns:
        Shape (R, F); NaN at a share of 0.

    Examples:
        >>> values, priorities = np.array([1, 1, 0, 0]), np.array([4.0, 3.0, 2.0, 1.0])
        >>> kept_mean(np.ones((1, 4), int), values, priorities, shares=[0.5, 1.0]).tolist()
        [[1.0, 0.5]]
    """
    totals, value_sums = (np.pad(sums, ((0, 0), (1, 0))) for sums in sums_by_priority(weights, values, priorities))
    kept = np.asarray(shares, np.float64) * totals[:, -1:]
    sums = [np.interp(row, x, y) for row, x, y in zip(kept, totals, value_sums, strict=True)]
    return ratio(np.array(sums), kept)


def sums_by_priority(weights: Weights, values: NDArray[Any], priorities: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sums of weights and of weighted values over the rows of each priority and all higher ones, highest first; (R, G) each.

    Examples:
        >>> weights, sums = sums_by_priority(np.ones((1, 3), int), np.array([1, 0, 1]), priorities=np.array([4.0, 4.0, 7.0]))
        >>> weights.tolist(), sums.tolist()
        ([[1, 3]], [[1, 2]])
    """
    distinct, group = np.unique(-priorities, return_inverse=True)
    if len(distinct) <= min(FEW_PRIORITIES, len(weights)):
        members = (group[:, None] <= np.arange(len(distinct))).astype(np.float64)
        own = weights.astype(np.float64)
        return own @ members, own @ (members * values[:, None])
    order = np.argsort(group, kind="stable")
    ends = np.append(run_starts(group[order])[1:], len(group)) - 1
    weighed = weights.take(order, axis=1)
    running: list[NDArray[Any]] = [np.cumsum(terms, axis=1) for terms in (weighed, weighed * values[order])]
    totals, sums = running if len(ends) == len(group) else (terms.take(ends, axis=1) for terms in running)
    return totals, sums
