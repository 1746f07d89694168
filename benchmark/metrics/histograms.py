"""Overlap of the histograms of scores of useful and non-useful images, in all resamples at once, and that of blind scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.digests import digest
from benchmark.metrics.bootstrap import Floats, Weights
from benchmark.metrics.classification import histogram_edges
from benchmark.metrics.weighted import ratio


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


def overlap(weights: Weights, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Overlap of the classes' histograms in the quantile bins of all rows; see `classification.overlap`.

    Examples:
        >>> overlap(np.ones((1, 4), int), np.array([1, 1, 0, 0]), np.array([3.0, 4.0, 1.0, 2.0])).tolist()
        [0.0]
    """
    bins, weighed = in_bins(scores), weights.astype(np.float64)
    useful, others = ((weighed * side) @ bins for side in (labels, 1 - labels))
    shares = (ratio(side, side.sum(axis=1, keepdims=True).repeat(side.shape[1], axis=1)) for side in (useful, others))
    return np.minimum(*shares).sum(axis=1)
