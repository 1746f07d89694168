"""Intervals and comparisons that resample whole sources, since the versions of one source are not independent.

    counts = resamples(sources=400, seed="glyphs")           # how often each source counts in each replicate
    values = replicate(auroc, counts, cluster, labels, scores)
    interval(values)                                         # (low, high), 95 %

A kernel is a function (weights, ...) -> one number per replicate, where weights of shape (R, N) say how often each row counts.
It gives the same value as scikit-learn on rows repeated that often. No kernel loops over rows. A replicate in which a metric is
not defined (one class only) is NaN. Weights are integers, whose running sums take an eighth of the time of those of floats.

Cluster bootstrap: Field and Welsh, J. R. Stat. Soc. B 69 (2007). Holm: Scand. J. Stat. 6 (1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.digests import digest
from benchmark.core.errors import MetricError

Floats = NDArray[np.float64]
Weights = NDArray[np.int64]
Kernel = Callable[..., Floats]
REPLICATES = 2000
CONFIDENCE = 0.95
CELLS = 400_000
"""Replicates times rows that are processed at once: 3 MB, which stay in a processor's cache."""


def resamples(sources: int, seed: str, *, replicates: int = REPLICATES) -> NDArray[np.int32]:
    """How often each source is drawn in each bootstrap replicate: shape (replicates, sources), each row sums to `sources`.

    The same number of sources and seed give the same draws. Predictors that are evaluated on one suite share them, so that
    differences between predictors are paired.

    Examples:
        >>> resamples(sources=4, seed="glyphs", replicates=2).sum(axis=1).tolist()
        [4, 4]
    """
    if sources < 2:
        raise MetricError(f"{sources} sources cannot be resampled; an interval needs two or more")
    random = np.random.default_rng(int(digest("resamples", seed), 16))
    return random.multinomial(sources, np.full(sources, 1 / sources), replicates).astype(np.int32)


def replicate(
    kernel: Kernel,
    counts: NDArray[np.int32],
    cluster: ArrayLike,
    *columns: ArrayLike,
    choices: NDArray[np.float64] | None = None,
    cells: int = 0,
) -> Floats:
    """A kernel's value in each replicate.

    Args:
        kernel: (weights, *columns) -> (R,) or (R, M), weights int64; with choices (weights, *columns, choices).
        counts: the result of `resamples`, shape (R, S).
        cluster: index of each row's source, 0 to S - 1, shape (N,).
        columns: the other arguments of the kernel, row by row, shape (N,).
        choices: what differs between replicates, such as a threshold of each, shape (R,).
        cells: replicates times rows that are processed at once, if others than CELLS.

    Returns:
        Shape (R,), or (R, M) where the kernel gives M numbers.

    Examples:
        >>> total = lambda weights, values: weights @ values
        >>> replicate(total, np.array([[1, 1], [2, 0]], np.int32), [0, 1, 1], [5.0, 1.0, 1.0]).tolist()
        [7.0, 10.0]
    """
    rows = np.asarray(cluster)
    if rows.ndim != 1 or any(len(np.asarray(column)) != len(rows) for column in columns):
        raise MetricError(
            f"cluster {rows.shape} and columns {[np.shape(column) for column in columns]} differ in length"
        )
    if not len(rows) or rows.min() < 0 or rows.max() >= counts.shape[1]:
        extremes = f"{rows.min()} to {rows.max()}" if len(rows) else "none"
        raise MetricError(f"clusters are {extremes}; with so many counts they must be 0 to {counts.shape[1] - 1}")
    given, parts = tuple(map(np.asarray, columns)), []
    step = max(1, (cells or CELLS) // len(rows))
    for start in range(0, len(counts), step):
        part = slice(start, start + step)
        chosen = () if choices is None else (choices[part],)
        parts.append(kernel(counts[part].astype(np.int64).take(rows, axis=1), *given, *chosen))
    return np.concatenate(parts)


def once(rows: int) -> Weights:
    """The weights of all rows as they are, each once, shape (1, N).

    Examples:
        >>> once(3).tolist()
        [[1, 1, 1]]
    """
    return np.ones((1, rows), np.int64)


def value_and_replicates(
    kernel: Kernel,
    counts: NDArray[np.int32],
    cluster: ArrayLike,
    *columns: ArrayLike,
    choices: NDArray[np.float64] | None = None,
    cells: int = 0,
) -> Floats:
    """A kernel's value on all rows, then in each replicate, (1 + R,) or (1 + R, M); see `replicate`.

    Args:
        kernel: see `replicate`.
        counts: see `replicate`.
        cluster: see `replicate`.
        columns: see `replicate`.
        choices: that of all rows, then of each replicate, shape (1 + R,).
        cells: see `replicate`.

    Examples:
        >>> total = lambda weights, values: weights @ values
        >>> value_and_replicates(total, np.array([[1, 1], [2, 0]], np.int32), [0, 1, 1], [5.0, 1.0, 1.0]).tolist()
        [7.0, 7.0, 10.0]
    """
    first, later = (None, None) if choices is None else (choices[:1], choices[1:])
    value = replicate(kernel, np.ones((1, counts.shape[1]), np.int32), cluster, *columns, choices=first)
    return np.concatenate([value, replicate(kernel, counts, cluster, *columns, choices=later, cells=cells)])


def interval(values: ArrayLike, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Percentile interval of the replicates that are not NaN.

    Raises:
        MetricError: fewer than half of them are defined.

    Examples:
        >>> interval(range(101), confidence=0.5)
        (25.0, 75.0)
    """
    replicates = np.asarray(values, np.float64)
    defined = replicates[np.isfinite(replicates)]
    if 2 * len(defined) < len(replicates) or not len(defined):
        raise MetricError(f"only {len(defined)} of {len(replicates)} replicates are defined; there are too few sources")
    low, high = np.quantile(defined, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


def p_value(differences: ArrayLike) -> float:
    """Two-sided p value of paired replicates of a difference: twice the share with the rarer sign, at least 2 / (R + 1).

    Examples:
        >>> p_value([0.1] * 99), p_value([0.1, -0.1] * 50)
        (0.02, 1.0)
    """
    replicates = np.asarray(differences, np.float64)
    defined = replicates[np.isfinite(replicates)]
    return float(min(1.0, 2 * (1 + min((defined <= 0).sum(), (defined >= 0).sum())) / (1 + len(defined))))


def holm(p_values: Sequence[float]) -> Floats:
    """P values with Holm's correction: in increasing order, multiplied by n, n - 1, ..., made monotonic, at most 1.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def rank_intervals(values: ArrayLike, *, confidence: float = CONFIDENCE) -> NDArray[np.int64]:
    """Lowest and highest rank (1 = highest value) of each of P competitors in the central part of R paired replicates.

    Args:
        values: shape (P, R); replicates that are not defined for all competitors are left out.
        confidence: share of the replicates in the central part.

    Returns:
        Shape (P, 2).

    Examples:
        >>> rank_intervals([[9.0, 9.0], [5.0, 4.0], [4.0, 5.0]]).tolist()
        [[1, 1], [2, 3], [2, 3]]
    """
    from scipy.stats import rankdata  # slow to import; a list of suites does not need it

    table = np.asarray(values, np.float64)
    table = table[:, np.isfinite(table).all(axis=0)]
    if not table.size:
        raise MetricError("no replicate is defined for all competitors")
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    best, worst = rankdata(-table, "min", axis=0), rankdata(-table, "max", axis=0)
    low = np.quantile(best, tails[0], axis=1, method="inverted_cdf")
    return np.stack([low, np.quantile(worst, tails[1], axis=1, method="inverted_cdf")], axis=1).astype(np.int64)


def tied_with_first(values: ArrayLike, *, level: float = 0.05) -> NDArray[np.bool_]:
    """Whether each of P competitors does not differ significantly from the first, the best (paired, Holm); shape (P,).

    Examples:
        >>> tied_with_first([[0.9] * 99, [0.9] * 99, [0.7] * 99]).tolist()
        [True, True, False]
    """
    table = np.asarray(values, np.float64)
    corrected = holm([p_value(table[0] - other) for other in table[1:]])
    return np.r_[True, corrected >= level]
