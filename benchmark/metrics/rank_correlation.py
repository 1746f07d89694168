"""Rank correlations of scores with the utility in each resample: Spearman's, and Kendall's tau-b.

    srcc, krcc = rank_replicates(counts, cluster, utility, scores)

Both equal SciPy's on rows that are repeated as often as they were drawn; values of all rows are those of `correlation`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Floats, Weights
from benchmark.metrics.correlation import checked
from benchmark.metrics.weighted import ratio, run_starts, sums_of_runs

PAIRS = 250_000
"""Number of pairs of rows that are compared at once, about: few enough to stay in a processor's cache."""


def rank_replicates(
    counts: NDArray[np.int32], cluster: ArrayLike, target: ArrayLike, scores: ArrayLike
) -> tuple[Floats, Floats]:
    """Spearman's correlation and Kendall's tau-b in each replicate, shape (R,) each.

    Args:
        counts: the result of `bootstrap.resamples`, shape (R, S).
        cluster: index of each row's source, shape (N,).
        target: the utility, shape (N,).
        scores: the scores, shape (N,).

    Examples:
        >>> srcc, krcc = rank_replicates(np.array([[1, 1, 1]], np.int32), [0, 1, 2], [0.1, 0.4, 0.9], [1.0, 3.0, 2.0])
        >>> srcc.round(3).tolist(), krcc.round(3).tolist()
        ([0.5], [0.333])
    """
    y, s = checked(target, scores)
    srcc, untied_y, untied_s = bootstrap.replicate(rank_kernel, counts, cluster, y, s).T
    return srcc, ratio(concordant_pairs(counts, np.asarray(cluster), y, s), np.sqrt(untied_y * untied_s))


def srcc_kernel(weights: Weights, target: Floats, scores: Floats) -> Floats:
    """Spearman's correlation in each replicate, shape (R,).

    Examples:
        >>> weights = np.array([[1, 1, 1], [1, 1, 0]])     # all rows, and all but the last
        >>> srcc_kernel(weights, np.array([0.1, 0.4, 0.9]), np.array([1.0, 3.0, 2.0])).round(3).tolist()
        [0.5, 1.0]
    """
    return rank_kernel(weights, target, scores)[:, 0]


def rank_kernel(weights: Weights, target: Floats, scores: Floats) -> Floats:
    """Spearman's correlation in each replicate, and how many pairs of rows, in both directions, differ in each: (R, 3).

    Examples:
        >>> rank_kernel(np.ones((1, 3), int), np.array([0.1, 0.4, 0.9]), np.array([1.0, 3.0, 3.0])).round(3).tolist()
        [[0.866, 6.0, 4.0]]
    """
    (y, spread_y, untied_y), (s, spread_s, untied_s) = (ranked(weights, values) for values in (target, scores))
    together = np.einsum("rn,rn,rn->r", weights.astype(np.float64), y, s)
    return np.stack([ratio(together, np.sqrt(spread_y * spread_s)), untied_y, untied_s], axis=1)


def ranked(weights: Weights, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Twice the rank of each row among all weighted rows, ties at their mean rank, from the mean of all: (R, N).

    Then the sum of the squares of these, and the number of pairs of rows, in both directions, whose values differ, (R,) both,
    from the sizes of ties alone (Kendall, Rank Correlation Methods, 1948).

    Examples:
        >>> ranks, squares, pairs = ranked(np.array([[1, 1, 1], [3, 1, 1]]), values=np.array([5.0, 7.0, 7.0]))
        >>> ranks.tolist(), squares.tolist(), pairs.tolist()
        ([[-2.0, 1.0, 1.0], [-2.0, 3.0, 3.0]], [6.0, 30.0], [4.0, 12.0])
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    size = sums_of_runs(weights.take(order, axis=1), run_starts(group[order]))
    total = weights.sum(axis=1)
    centred = (2 * np.cumsum(size, axis=1) - size - total[:, None]).astype(np.float64)
    n, ties = total.astype(np.float64), size.astype(np.float64)
    squares, cubes = np.einsum("rg,rg->r", ties, ties), np.einsum("rg,rg,rg->r", ties, ties, ties)
    return (
        centred.take(group, axis=1),
        (n * n * n - cubes) / 3,
        n * n - squares,
    )  # n ** 3 would round otherwise than cubes


def concordant_pairs(counts: NDArray[np.int32], cluster: NDArray[np.int64], target: Floats, scores: Floats) -> Floats:
    """Concordant minus discordant pairs of rows in each replicate, each pair counted in both directions, shape (R,).

    The sum over pairs is a quadratic form of the sources' counts, so that pairs are compared only once: if D[a, b] is this
    number for the rows of source a and those of source b, a replicate has counts D counts.

    Examples:
        >>> y, s = np.array([0.1, 0.4, 0.9]), np.array([1.0, 3.0, 2.0])
        >>> concordant_pairs(np.array([[1, 1, 1]], np.int32), np.array([0, 1, 2]), y, s).tolist()
        [2.0]
    """
    order = np.argsort(cluster, kind="stable")
    source = cluster[order]
    y, s = (np.unique(values[order], return_inverse=True)[1].astype(np.int32) for values in (target, scores))
    starts = run_starts(source)
    ends = np.append(starts[1:], len(s))
    own = np.repeat(np.arange(len(starts)), ends - starts)
    sums = np.zeros((len(starts), len(starts)))
    first = 0
    while first < len(starts):  # some sources against themselves and all later ones, since D is symmetric
        begin = starts[first]
        last = int(np.searchsorted(ends, begin + PAIRS // (len(s) - begin), side="right"))
        last = max(last, first + 1)
        rows_here = slice(begin, ends[last - 1])
        dy, ds = (signs(values[rows_here], values[begin:]) for values in (y, s))
        members = (own[rows_here] == np.arange(first, last)[:, None]).astype(np.float32)
        # A product adds the rows of a source faster than `reduceat` does, and exactly, since they are fewer than 2 ** 24.
        rows = members @ (dy * ds).astype(np.float32)
        sums[first:last, first:] = np.add.reduceat(rows, starts[first:] - begin, axis=1, dtype=np.float64)
        sums[first:, first:last] = sums[first:last, first:].T
        first = last
    drawn = counts[:, source[starts]].astype(np.float64)
    return np.asarray(np.einsum("ra,ra->r", drawn @ sums, drawn))


def signs(values: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.int8]:
    """Sign of the difference of each of A values and each of B others, (A, B).

    Examples:
        >>> signs(np.array([2, 5]), np.array([2, 3, 9])).tolist()
        [[0, -1, -1], [1, 1, -1]]
    """
    above, below = (compare(values[:, None], others).view(np.int8) for compare in (np.greater, np.less))
    return above - below
