"""Intervals and comparisons that respect clusters: the versions of one source are not independent, so sources are resampled.

    counts = resamples(sources=400, seed="glyphs")           # how often each source counts in each replicate
    values = replicate(auroc, counts, cluster, labels, scores)
    interval(values)                                         # (low, high), 95 %

A kernel is a function (weights, ...) -> one number a replicate; weights, of shape (R, N), say how often each row counts. With
weights of 1 it gives what scikit-learn gives; with whole numbers, what scikit-learn gives on rows repeated so often. None loops
over rows. A replicate in which a measure is not defined (one class only) is NaN.

Cluster bootstrap: Field and Welsh, J. R. Stat. Soc. B 69 (2007). Holm: Scand. J. Stat. 6 (1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from benchmark.errors import MetricError
from benchmark.images import digest
from benchmark.metrics import histogram_edges

Floats = NDArray[np.float64]
Kernel = Callable[..., Floats]
REPLICATES = 2000
CONFIDENCE = 0.95
CELLS = 8_000_000
"""Replicates times rows that are weighed at once: 64 MB."""


def resamples(sources: int, seed: str, replicates: int = REPLICATES) -> NDArray[np.int32]:
    """How often each source is drawn in each bootstrap replicate: shape (replicates, sources), each row sums to `sources`.

    The same number of sources and seed give the same draws: predictors that are judged on one suite share them, so that
    differences between them are paired.
    """
    if sources < 2:
        raise MetricError(f"{sources} sources cannot be resampled; an interval needs two or more")
    random = np.random.default_rng(int(digest("resamples", seed), 16))
    return random.multinomial(sources, np.full(sources, 1 / sources), replicates).astype(np.int32)


def replicate(kernel: Kernel, counts: NDArray[np.int32], cluster: ArrayLike, *columns: ArrayLike) -> Floats:
    """A kernel's value in each replicate.

    Args:
        kernel: (weights, *columns) -> (R,) or (R, M).
        counts: of `resamples`, shape (R, S).
        cluster: index of each row's source, 0 to S - 1, shape (N,).
        columns: what else the kernel takes, row by row, shape (N,).

    Returns:
        Shape (R,), or (R, M) where the kernel gives M numbers.
    """
    rows = np.asarray(cluster)
    if rows.ndim != 1 or any(len(np.asarray(column)) != len(rows) for column in columns):
        raise MetricError(
            f"cluster {rows.shape} and columns {[np.shape(column) for column in columns]} differ in length"
        )
    if not len(rows) or rows.min() < 0 or rows.max() >= counts.shape[1]:
        raise MetricError(f"clusters must be 0 to {counts.shape[1] - 1}")
    step = max(1, CELLS // len(rows))
    parts = [
        kernel(counts[start : start + step][:, rows].astype(np.float64), *map(np.asarray, columns))
        for start in range(0, len(counts), step)
    ]
    return np.concatenate(parts)


def interval(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Percentile interval of replicates, NaN ones left out.

    Raises:
        MetricError: fewer than half of them are defined.
    """
    known = np.asarray(values, np.float64)
    defined = known[np.isfinite(known)]
    if 2 * len(defined) < len(known) or not len(defined):
        raise MetricError(f"only {len(defined)} of {len(known)} replicates are defined; there are too few sources")
    low, high = np.quantile(defined, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


def p_value(differences: ArrayLike) -> float:
    """Two-sided p of paired replicates of a difference: how often it has not its usual sign; at least 2 / (R + 1)."""
    known = np.asarray(differences, np.float64)
    known = known[np.isfinite(known)]
    return float(min(1.0, 2 * (1 + min((known <= 0).sum(), (known >= 0).sum())) / (1 + len(known))))


def holm(p_values: Sequence[float]) -> Floats:
    """P values corrected for their number (Holm): in increasing order times n, n - 1, ..., never falling, at most 1."""
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def rank_intervals(values: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.int64]:
    """Lowest and highest rank, 1 = highest value, that each of P competitors takes in the middle of R paired replicates.

    Args:
        values: shape (P, R); replicates that are not defined for all are left out.
        confidence: share of the replicates that are in the middle.

    Returns:
        Shape (P, 2).
    """
    known = np.asarray(values, np.float64)
    known = known[:, np.isfinite(known).all(axis=0)]
    if not known.size:
        raise MetricError("no replicate is defined for all competitors")
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    best, worst = rankdata(-known, "min", axis=0), rankdata(-known, "max", axis=0)
    low = np.quantile(best, tails[0], axis=1, method="inverted_cdf")
    return np.stack([low, np.quantile(worst, tails[1], axis=1, method="inverted_cdf")], axis=1).astype(np.int64)


def tied_with_first(values: ArrayLike, level: float = 0.05) -> NDArray[np.bool_]:
    """Whether each of P competitors, of which the first is the best, cannot be told from it (paired, Holm); shape (P,)."""
    known = np.asarray(values, np.float64)
    corrected = holm([p_value(known[0] - other) for other in known[1:]])
    return np.r_[True, corrected >= level]


def ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, NaN where the divisor is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


def tied(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Weight of the useful and of the non-useful rows at each distinct score, rising: (R, G) each."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    weighed = weights[:, order]
    useful = weighed * labels[order]
    return np.add.reduceat(useful, starts, axis=1), np.add.reduceat(weighed - useful, starts, axis=1)


def concordance(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Weight of the pairs (useful, non-useful) that are in order, ties counted half, and of all pairs."""
    useful, others = tied(weights, labels, scores)
    below = np.cumsum(others, axis=1) - others / 2
    return (useful * below).sum(axis=1), useful.sum(axis=1) * others.sum(axis=1)


def auroc(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the ROC curve; see `benchmark.metrics.auroc`."""
    return ratio(*concordance(weights, labels, scores))


def within_level_auroc(weights: Floats, labels: NDArray[np.int64], scores: Floats, levels: NDArray[np.int64]) -> Floats:
    """Concordant pairs over pairs, pooled over levels; see `benchmark.metrics.within_level_auroc`."""
    chosen = [levels == level for level in np.unique(levels)]
    pairs = np.array([concordance(weights[:, here], labels[here], scores[here]) for here in chosen])
    return ratio(*pairs.sum(axis=0))


def average_precision(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Area under the precision-recall curve; see `benchmark.metrics.average_precision`."""
    useful, others = (one[:, ::-1] for one in tied(weights, labels, scores))
    true = np.cumsum(useful, axis=1)
    precision = np.nan_to_num(ratio(true, true + np.cumsum(others, axis=1)))
    return ratio((useful * precision).sum(axis=1), true[:, -1])


def decisions(weights: Floats, labels: NDArray[np.int64], kept: NDArray[np.bool_]) -> Floats:
    """Accuracy, balanced accuracy and Matthews' correlation of a decision, (R, 3); see `benchmark.metrics.decisions`."""
    true, false = weights @ (labels * kept), weights @ ((1 - labels) * kept)
    missed, rejected = weights @ (labels * ~kept), weights @ ((1 - labels) * ~kept)
    accuracy = ratio(true + rejected, true + false + missed + rejected)
    balanced = (ratio(true, true + missed) + ratio(rejected, false + rejected)) / 2
    sides = np.sqrt((true + false) * (true + missed) * (rejected + false) * (rejected + missed))
    defined = np.isfinite(balanced)  # as scikit-learn: 0 where all decisions are the same
    mcc = np.where(defined, np.nan_to_num(ratio(true * rejected - false * missed, sides)), np.nan)
    return np.stack([accuracy, balanced, mcc], axis=1)


def kept_mean(weights: Floats, values: Floats, priorities: Floats, shares: ArrayLike) -> Floats:
    """Mean of the values that are kept, highest priority first; those that share a priority are kept in proportion.

    What many random orders give on average, without drawing one.

    Args:
        weights: shape (R, N).
        values: shape (N,).
        priorities: shape (N,).
        shares: shares of the weight that are kept, 0 to 1, shape (F,) or (R, F).

    Returns:
        Shape (R, F); NaN at a share of 0.
    """
    order = np.argsort(-priorities, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(priorities[order]) != 0, True])
    weighed = weights[:, order]
    kept, found = (np.cumsum(one, axis=1)[:, ends] for one in (weighed, weighed * values[order]))
    wanted = np.asarray(shares, np.float64) * kept[:, -1:]
    sums = [np.interp(one, np.r_[0, x], np.r_[0, y]) for one, x, y in zip(wanted, kept, found, strict=True)]
    return ratio(np.array(sums), wanted)


def permuted_overlap(labels: ArrayLike, scores: ArrayLike, seed: str, permutations: int = 200) -> float:
    """The overlap that scores have where they tell nothing: its mean over labels shuffled among the rows.

    Below 1, since few rows in many bins differ by chance.
    """
    y, s = np.asarray(labels), np.asarray(scores, np.float64)
    random = np.random.default_rng(int(digest("permutations", seed), 16))
    shuffled = random.permuted(np.broadcast_to(y, (permutations, len(y))), axis=1)
    bins = in_bins(s)
    useful, others = (one @ bins / one.sum(axis=1, keepdims=True) for one in (shuffled, 1 - shuffled))
    return float(np.minimum(useful, others).sum(axis=1).mean())


def in_bins(scores: Floats) -> Floats:
    """Which of the quantile bins of all rows each score is in, 1 there and else 0: (N, B)."""
    places = np.digitize(scores, histogram_edges(scores)) - 1
    return np.asarray(np.eye(places.max() + 1)[places])


def overlap(weights: Floats, labels: NDArray[np.int64], scores: Floats) -> Floats:
    """Overlap of the classes' histograms in the quantile bins of all rows; see `benchmark.metrics.overlap`."""
    bins = in_bins(scores)
    useful, others = (weights * labels) @ bins, (weights * (1 - labels)) @ bins
    shares = (ratio(one, one.sum(axis=1, keepdims=True).repeat(one.shape[1], axis=1)) for one in (useful, others))
    return np.minimum(*shares).sum(axis=1)
