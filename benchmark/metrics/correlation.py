"""Metrics of how well scores follow a continuous utility (the soft track), as used in image quality assessment.

    srcc([0.1, 0.4, 0.9], [1, 2, 3])          # 1.0

Point estimates come from SciPy. Every function takes `target` (N,), the utility, and `scores` (N,), where higher means more
useful; both must be finite and not constant, else MetricError is raised. PLCC and RMSE follow the usual logistic fit (Video
Quality Experts Group, 2003) of a rising curve, a + b / (1 + exp(-(score - centre) / width)) with b >= 0, so that a score in the
wrong direction gains nothing. Kernels, for `benchmark.metrics.bootstrap.replicate`, weight rows and equal SciPy on
repeated rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit

from benchmark.core.errors import MetricError
from benchmark.metrics.bootstrap import Floats, Weights
from benchmark.metrics.weighted import ratio

SOFT = ("srcc", "plcc", "krcc", "rmse")


def srcc(target: ArrayLike, scores: ArrayLike) -> float:
    """Spearman's rank correlation. -1 to 1, best 1, chance 0.

    Examples:
        >>> round(srcc([0.1, 0.4, 0.9], [1.0, 3.0, 2.0]), 3)
        0.5
    """
    y, s = checked(target, scores)
    return float(stats.spearmanr(y, s).statistic)


def krcc(target: ArrayLike, scores: ArrayLike) -> float:
    """Kendall's rank correlation tau-b. -1 to 1, best 1, chance 0.

    Examples:
        >>> round(krcc([0.1, 0.4, 0.9], [1.0, 3.0, 2.0]), 3)
        0.333
    """
    y, s = checked(target, scores)
    return float(stats.kendalltau(y, s).statistic)


def fitted(target: ArrayLike, scores: ArrayLike) -> Floats:
    """The scores after the logistic with the fitted centre and width, 0 to 1, shape (N,), without a and b.

    Least squares over all four parameters maximises the correlation over centre and width, since a and b do not change it.

    Examples:
        >>> fitted([0.0, 0.1, 0.9, 1.0], [1.0, 2.0, 3.0, 4.0]).round(2).tolist()
        [0.0, 0.1, 0.9, 1.0]
    """
    y, s = checked(target, scores)
    s = np.ldexp(s, -np.frexp(np.abs(s).max())[1])  # exact, while squares of very small scores would be 0
    x = (s - s.mean()) / s.std()

    def curve(shape: NDArray[np.float64]) -> Floats:
        return np.asarray(expit((x - shape[0]) / np.exp(np.clip(shape[1], -5, 5))))

    def loss(shape: NDArray[np.float64]) -> float:
        z = curve(shape)
        return -float(np.corrcoef(z, y)[0, 1]) if z.std() > 1e-9 else 1.0

    options = {"xatol": 1e-6, "fatol": 1e-10}
    # For weak scores the correlation has several maxima, so a short search from each of these finds the one to climb.
    starts = [(centre, width) for centre in (-1.0, 0.0, 1.0) for width in (-1.0, 1.0)]
    fits = [minimize(loss, start, method="Nelder-Mead", options={"maxiter": 30}) for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    return curve(minimize(loss, best.x, method="Nelder-Mead", options=options).x)


def plcc(target: ArrayLike, scores: ArrayLike) -> float:
    """Pearson's correlation after the logistic fit. -1 to 1, best 1, chance 0.

    Examples:
        >>> round(plcc([0.0, 0.1, 0.9, 1.0], [1.0, 2.0, 3.0, 4.0]), 3)     # a bend costs nothing; Pearson alone gives 0.938
        1.0
    """
    y, s = checked(target, scores)
    return float(stats.pearsonr(y, fitted(y, s)).statistic)


def rmse(target: ArrayLike, scores: ArrayLike) -> float:
    """Root mean squared error of the fitted logistic, in units of the target. 0 or more, best 0.

    Examples:
        >>> round(rmse([0.0, 0.1, 0.9, 1.0], [1.0, 2.0, 3.0, 4.0]), 3)
        0.0
        >>> round(rmse([0.0, 0.1, 0.9, 1.0], [4.0, 3.0, 2.0, 1.0]), 3)     # the standard deviation of the target
        0.453
    """
    y, s = checked(target, scores)
    return float(residual(y.std(), plcc(y, s)))


def residual(spread: ArrayLike, correlation: ArrayLike) -> Floats:
    """Root mean squared error of the least-squares rising line, from the target's spread and the correlation.

    Examples:
        >>> round(float(residual(spread=2.0, correlation=0.6)), 3)
        1.6
    """
    return np.asarray(spread) * np.sqrt(1 - np.clip(correlation, 0, 1) ** 2)


def fit_kernel(weights: Weights, target: Floats, curve: Floats) -> Floats:
    """PLCC and RMSE in each replicate, (R, 2), of scores that `fitted` has transformed.

    Centre and width stay those of all rows. The correlation is at its maximum there, so fitting them again would change it only
    in second order.

    Examples:
        >>> fit_kernel(np.ones((1, 3), int), np.array([0.1, 0.5, 0.9]), curve=np.array([0.2, 0.4, 0.6])).round(3).tolist()
        [[1.0, 0.0]]
    """
    correlation, spread = moments(weights.astype(np.float64), curve, target)
    return np.stack([correlation, residual(spread, correlation)], axis=1)


def moments(weights: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Weighted correlation of x and y, each (N,), and standard deviation of y: (R,) each.

    Examples:
        >>> correlation, spread = moments(np.ones((1, 2)), np.array([1.0, 2.0]), np.array([5.0, 3.0]))
        >>> correlation.tolist(), spread.tolist()
        ([-1.0], [1.0])
    """
    total = weights.sum(axis=1, keepdims=True)
    dx, dy = (values - (weights @ values)[:, None] / total for values in (x, y))
    xx, yy, xy = (np.einsum("rn,rn,rn->r", weights, *pair) for pair in ((dx, dx), (dy, dy), (dx, dy)))
    return ratio(xy, np.sqrt(xx * yy)), np.sqrt(yy / total[:, 0])


def checked(target: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Target and scores as arrays, after the checks that every metric needs.

    Examples:
        >>> checked([0.1, 0.4, 0.9], [7.0, 7.0, 7.0])
        Traceback (most recent call last):
        benchmark.core.errors.MetricError: all 3 scores are 7; a constant has no correlation
    """
    y, s = np.asarray(target, np.float64), np.asarray(scores, np.float64)
    if y.ndim != 1 or y.shape != s.shape or len(y) < 3:
        raise MetricError(f"target of shape {y.shape} and scores of shape {s.shape}; both must be (N,), N at least 3")
    for name, values in (("target", y), ("scores", s)):
        if not np.isfinite(values).all():
            raise MetricError(f"{int((~np.isfinite(values)).sum())} of {len(values)} {name} are not finite")
        if values.min() == values.max():
            raise MetricError(f"all {len(values)} {name} are {values[0]:g}; a constant has no correlation")
    return y, s
