"""Metrics of rate against utility: the Bjontegaard delta, the just-useful rate, and what choosing a level per image saves.

Levels are in increasing order along the last axis: the last is the top level, of highest quality. The Bjontegaard delta follows
ITU-T VCEG-M33 with the interpolation of the package `bjontegaard` (Herglotz et al., 2022); the just-useful rate is the field's
just recognisable distortion with the useful label for the decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.metrics.bootstrap import Floats, Weights, once
from benchmark.metrics.weighted import run_starts, sums_of_runs

OVERLAP = 0.5
"""Least share of the two curves' common range of utility in their whole range."""
FLAT = 1e-9
"""Differences of utility up to this count as none."""


def bd_rate(anchor_rate: ArrayLike, anchor_utility: ArrayLike, rate: ArrayLike, utility: ArrayLike) -> float:
    """The mean difference of the rate at equal utility, as a share of the anchor's: -.3 means 30 % fewer bits.

    Both curves are first made monotone by isotonic regression, since measured ones are not, and their flat parts become one
    point. The logarithm of the rate is interpolated by PCHIP.

    Args:
        anchor_rate: rate at each point of the anchor's curve, such as bits a pixel, above 0.
        anchor_utility: its utility there.
        rate: the same of the other codec; the numbers of points may differ.
        utility: likewise.

    Returns:
        The difference, above -1; NaN where a value is not finite, a curve has fewer than two utilities, or the curves' common
        range of utility is less than half of their whole range.

    Examples:
        >>> round(bd_rate([1, 2, 4, 8], [0.2, 0.5, 0.8, 0.9], [0.5, 1, 2, 4], [0.2, 0.5, 0.8, 0.9]), 6)
        -0.5
    """
    from bjontegaard import bd_rate as reference

    if not all(
        np.isfinite(np.asarray(values, np.float64)).all() for values in (anchor_rate, anchor_utility, rate, utility)
    ):
        return float("nan")
    curves = [monotone(anchor_rate, anchor_utility), monotone(rate, utility)]
    if min(len(values) for _, values in curves) < 2:
        return float("nan")
    (first, low), (second, high) = ((rates, values) for rates, values in curves)
    common = min(low[-1], high[-1]) - max(low[0], high[0])
    if common < OVERLAP * (max(low[-1], high[-1]) - min(low[0], high[0])):
        return float("nan")
    difference = reference(first, low, second, high, method="pchip", require_matching_points=False, min_overlap=0)
    return float(difference) / 100


def monotone(rate: ArrayLike, utility: ArrayLike) -> tuple[Floats, Floats]:
    """A curve whose utility rises strictly with the rate: isotonic, with each flat part as one point.

    The flat part at the top is its lowest rate, that at the bottom its highest one, since beyond them nothing changes; one in
    between is its geometric mean.

    Examples:
        >>> [values.tolist() for values in monotone([1, 2, 4, 8], [0.5, 0.4, 0.9, 0.9])]
        [[2.0, 4.0], [0.45, 0.9]]
    """
    from sklearn.isotonic import isotonic_regression

    rates, values = np.asarray(rate, np.float64), np.asarray(utility, np.float64)
    if rates.shape != values.shape or rates.ndim != 1 or not len(rates) or rates.min() <= 0:
        raise MetricError(f"rates of shape {rates.shape} and utilities of shape {values.shape}; rates are above 0")
    order = np.argsort(rates, kind="stable")
    rates, values = rates[order], values[order]
    fitted = np.asarray(isotonic_regression(values))
    starts = np.r_[0, 1 + np.flatnonzero(np.diff(fitted) > FLAT)]
    ends = np.r_[starts[1:], len(rates)]
    points = np.array([np.exp(np.log(rates[a:b]).mean()) for a, b in zip(starts, ends, strict=True)])
    if len(points) > 1:
        points[0], points[-1] = rates[ends[0] - 1], rates[starts[-1]]
    return points, fitted[starts]


@dataclass(frozen=True)
class JustUseful:
    """The just-useful rates of S sources."""

    bits: Floats
    """Bits at the lowest level from which on all higher levels are useful; NaN where censored; shape (S,)."""
    never: NDArray[np.bool_]
    """Whether not even the top level is useful; shape (S,)."""
    always: NDArray[np.bool_]
    """Whether all levels are useful, so that the rate may be lower still; shape (S,)."""


def just_useful(useful: ArrayLike, bits: ArrayLike) -> JustUseful:
    """The just-useful rate of each source, from whether it is useful at each level, and its bits there; shape (S, L) each.

    Examples:
        >>> rates = just_useful([[0, 1, 1], [1, 0, 0], [1, 1, 1]], [[10, 20, 40], [10, 20, 40], [10, 20, 40]])
        >>> rates.bits.tolist(), rates.never.tolist(), rates.always.tolist()
        ([20.0, nan, nan], [False, True, False], [False, False, True])
    """
    passed, spent = np.asarray(useful, bool), np.asarray(bits, np.float64)
    if passed.shape != spent.shape or passed.ndim != 2:
        raise MetricError(f"useful of shape {passed.shape} and bits of shape {spent.shape}; both are (sources, levels)")
    chosen = lowest_levels(passed)
    never, always = ~passed[:, -1], np.asarray(passed.all(axis=1))
    rate = np.take_along_axis(spent, chosen[:, None], axis=1)[:, 0]
    return JustUseful(np.where(never | always, np.nan, rate), never, always)


def lowest_levels(passed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The index of the level that a search from the top level down ends at, which stops before the first level that fails.

    Args:
        passed: whether each level passes, shape (S, L).

    Returns:
        Shape (S,); where the top level fails, it is the top level.

    Examples:
        >>> lowest_levels(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], bool)).tolist()
        [1, 2, 2]
    """
    run = np.cumprod(passed[:, ::-1], axis=1).sum(axis=1)
    return np.asarray(passed.shape[1] - np.maximum(run, 1), np.int64)


def searched_levels(scores: Floats, thresholds: Floats) -> NDArray[np.int64]:
    """The level that the search of `lowest_levels` ends at for each source, with the threshold of each replicate.

    Args:
        scores: of each source at each level, shape (S, L).
        thresholds: a level passes where its score is at least this, shape (R,).

    Returns:
        The index of the level, shape (R, S).

    Examples:
        >>> searched_levels(np.array([[1.0, 2.0, 3.0]]), np.array([2.0, 4.0])).tolist()
        [[1], [2]]
    """
    below = (reached_at(scores) < thresholds[:, None, None]).sum(axis=2)
    return np.minimum(below, scores.shape[1] - 1)


def reached_at(scores: Floats) -> Floats:
    """The highest threshold with which the search reaches each level: the lowest score from it up to the top; (S, L) both.

    Examples:
        >>> reached_at(np.array([[3.0, 1.0, 2.0]])).tolist()
        [[1.0, 1.0, 2.0]]
    """
    return np.asarray(np.minimum.accumulate(scores[:, ::-1], axis=1)[:, ::-1])


def search_threshold(scores: ArrayLike, kept: ArrayLike, *, share: float = 0.95) -> float:
    """The smallest threshold with which the search keeps this share of what the top level keeps.

    Args:
        scores: of each source at each level, shape (S, L).
        kept: how much of each image is kept, 0 to 1, shape (S, L).
        share: the share that must be kept.

    Returns:
        One of the scores at which a source's level is reached, or infinity where none of them keeps as much, so that all images
        are sent at the top level.

    Examples:
        >>> search_threshold([[1, 2, 3], [1, 2, 3]], [[0, 1, 1], [0, 0, 1]])
        3.0
    """
    values, worth = np.asarray(scores, np.float64), np.asarray(kept, np.float64)
    return float(search_thresholds(once(len(values)), values, worth, share=share)[0])


def search_thresholds(weights: Weights, scores: Floats, kept: Floats, *, share: float = 0.95) -> Floats:
    """The threshold of `search_threshold` in each replicate, as on sources that are repeated; shape (R,).

    Args:
        weights: how often each source counts in each replicate, shape (R, S).
        scores: of each source at each level, shape (S, L).
        kept: how much of each image is kept, 0 to 1, shape (S, L).
        share: the share that must be kept.

    Examples:
        >>> scores, kept = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
        >>> search_thresholds(np.array([[1, 1], [2, 0], [0, 2]]), scores, kept).tolist()
        [6.0, 2.0, 6.0]
    """
    least = reached_at(scores)
    # With a threshold above the score at which a level is reached, the search ends one level higher; the top level stays.
    steps = np.diff(kept, axis=1, append=kept[:, -1:])
    order = np.argsort(least, axis=None, kind="stable")
    values = least.ravel()[order]
    starts, own = run_starts(values), weights.astype(np.float64)
    weighed = own.take(order // least.shape[1], axis=1)
    drawn = sums_of_runs(weighed, starts) > 0  # only scores that a replicate holds are thresholds of it
    moved = np.cumsum(sums_of_runs(weighed * steps.ravel()[order], starts), axis=1)
    worth = (own @ kept[:, 0])[:, None] + np.pad(moved[:, :-1], ((0, 0), (1, 0)))
    goal = share * (own @ kept[:, -1]) - FLAT * own.sum(axis=1)
    enough = drawn & (worth >= goal[:, None])
    return np.where(enough.any(axis=1), values[starts][enough.argmax(axis=1)], np.inf)


def saved_bits(
    weights: Weights, bits: NDArray[np.float64], kept: NDArray[np.float64], chosen: NDArray[np.int64]
) -> Floats:
    """The share of bits that a choice of levels saves against fixed levels that keep as much.

    The rival mixes two neighbouring fixed levels at random so that it keeps the same share of images; where no mixture keeps as
    much, it is the cheapest level that keeps most.

    Args:
        weights: how often each source counts in each replicate, shape (R, S).
        bits: bits of each source at each level, shape (S, L).
        kept: how much of each image is kept, 0 to 1, shape (S, L).
        chosen: the index of each source's level, shape (S,), or (R, S) where each replicate chooses by a threshold of its own.

    Returns:
        Shape (R,); 1 - bits / the rival's bits: 0 = no better than fixed levels, below 0 = worse.

    Examples:
        >>> bits, kept = np.array([[10.0, 40.0], [10.0, 40.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])
        >>> saved_bits(np.ones((1, 2), int), bits, kept, np.array([0, 1])).tolist()
        [0.375]
    """
    weighed, levels = weights.astype(np.float64), np.atleast_2d(chosen).T
    totals = weighed.sum(axis=1)
    spent, worth = (weighed @ table / totals[:, None] for table in (bits, kept))
    own = [(weighed * np.take_along_axis(table, levels, axis=1).T).sum(axis=1) / totals for table in (bits, kept)]
    worth = np.maximum.accumulate(worth, axis=1)  # no level costs more than a lower one that keeps more
    rival = np.array([cheapest(*curve) for curve in zip(own[1], worth, spent, strict=True)])
    return np.asarray(1 - own[0] / rival)


def cheapest(share: float, worth: Floats, spent: Floats) -> float:
    """The bits of the cheapest mixture of neighbouring levels of this share, from what each keeps, never falling, and spends.

    Examples:
        >>> cheapest(0.7, np.array([0.5, 0.9, 0.9]), np.array([10.0, 20.0, 30.0]))
        15.0
    """
    first = run_starts(worth)
    return float(np.interp(share, worth[first], spent[first]))
