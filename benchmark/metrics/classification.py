"""Metrics of how well scores separate useful from non-useful images, as pure functions of labels and scores.

AUROC, of all pairs or of those within a stratum, comes from ranks, which takes a quarter of scikit-learn's time and gives its
value; overlap is defined here, and other point estimates are scikit-learn's. Every function takes `labels` (N,), 1 useful or 0
non-useful, and `scores` (N,), finite, where higher means more useful. All raise MetricError if there are no rows, only one
class, or a score that is not finite; none returns 0 for missing data.

    >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@functools.cache
def reference() -> Any:
    """scikit-learn's metrics, which take half a second to import; a list of suites needs none."""
    from sklearn import metrics

    return metrics


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: probability that a useful image scores above a non-useful one. 0 to 1, best 1, chance .5.

    Examples:
        >>> auroc([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0])     # three of the four pairs are in order
        0.75
    """
    y, s = checked(labels, scores)
    concordant, pairs = concordance(y, s)
    return concordant / pairs


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve, useful = positive. 0 to 1, best 1; chance is the share of useful rows.

    Examples:
        >>> round(average_precision([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0]), 3)
        0.833
    """
    y, s = checked(labels, scores)
    return float(reference().average_precision_score(y, s))


def stratified_auroc(labels: ArrayLike, scores: ArrayLike, strata: ArrayLike) -> tuple[float, int]:
    """AUROC over the pairs (useful, non-useful) that share a stratum, such as a condition, pooled over strata.

    The value is the share of concordant pairs, with ties counted half. Scores that depend on the stratum alone get .5.

    Returns:
        The value (0 to 1, best 1) and the number of pairs.

    Raises:
        MetricError: no stratum has rows of both classes.

    Examples:
        >>> stratified_auroc([0, 1, 0, 1], scores=[5, 5, 9, 9], strata=[5, 5, 9, 9])
        (0.5, 2)
    """
    y, s = checked(labels, scores)
    row_strata = np.asarray(strata)
    if row_strata.shape != y.shape:
        raise MetricError(f"strata of shape {row_strata.shape} for {len(y)} rows")
    members = (row_strata == stratum for stratum in np.unique(row_strata))
    parts = [concordance(y[chosen], s[chosen]) for chosen in members]
    pairs = sum(count for _, count in parts)
    if not pairs:
        raise MetricError("no stratum has both useful and non-useful rows, so there is no pair within one")
    return sum(concordant for concordant, _ in parts) / pairs, pairs


def concordance(labels: Ints, scores: Floats) -> tuple[float, int]:
    """Number of pairs (useful, non-useful) in which the useful one has the higher score, ties counted half, and of all pairs.

    It follows, exactly, from the ranks of the useful ones (Mann & Whitney, Ann. Math. Stat. 18, 1947).

    Examples:
        >>> concordance(np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 2.0, 4.0]))
        (3.5, 4)
    """
    from scipy.stats import rankdata  # slow to import, as scikit-learn's metrics are

    useful = int(labels.sum())
    ranks = float(rankdata(scores)[labels == 1].sum())
    return ranks - useful * (useful + 1) / 2, useful * (len(labels) - useful)


def kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Cohen's kappa of two networks' decisions on the same images: agreement beyond chance (Educ. Psychol. Meas. 20, 1960).

    Args:
        first: the decisions of one, booleans or classes, shape (N,).
        second: those of the other, shape (N,).

    Returns:
        -1 to 1: 1 where they always agree, 0 where they agree as often as decisions that are drawn with the same shares.

    Raises:
        MetricError: there are no decisions, their numbers differ, or all of both are the same, so that chance agrees always.

    Examples:
        >>> kappa([True, True, False, False], [True, False, False, False])
        0.5
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise MetricError(f"decisions of shapes {a.shape} and {b.shape}; both must be (N,), N at least 1")
    if len(np.unique(np.r_[a, b])) == 1:
        raise MetricError(f"all {len(a)} decisions of both are {a[0]}; agreement by chance is certain")
    return float(reference().cohen_kappa_score(a, b))


def histogram_edges(scores: ArrayLike, *, bins: int = 20) -> Floats:
    """Unique edges of `bins` pooled-quantile bins, which are invariant to increasing transforms of the scores.

    Examples:
        >>> histogram_edges([1.0, 2.0, 3.0, 4.0], bins=2).round(3).tolist()
        [1.0, 2.0, 4.0, 4.0]
    """
    s = np.asarray(scores, np.float64)
    edges = np.unique(np.quantile(s, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    return np.append(edges, np.nextafter(edges[-1], np.inf))  # the highest score has its own bin


def overlap(labels: ArrayLike, scores: ArrayLike, *, edges: ArrayLike | None = None) -> float:
    """Overlap of the two classes' histograms: sum over bins of min(n1_b / n1, n0_b / n0).

    0 to 1; 0 = separated (best), 1 = identical. Equals 1 - total variation of the binned distributions.

    Args:
        labels: 1 useful or 0 non-useful, shape (N,).
        scores: finite, shape (N,).
        edges: increasing bin edges that cover the scores; 20 pooled-quantile bins by default.

    Examples:
        >>> overlap([1, 1, 0, 0], [3.0, 4.0, 1.0, 2.0])
        0.0
        >>> overlap([1, 1, 0, 0], [1.0, 2.0, 1.0, 2.0])
        1.0
    """
    y, s = checked(labels, scores)
    bounds = histogram_edges(s) if edges is None else np.asarray(edges, np.float64)
    if bounds.ndim != 1 or len(bounds) < 2 or not (np.diff(bounds) > 0).all():
        raise MetricError("edges must be two or more increasing numbers")
    if s.min() < bounds[0] or s.max() > bounds[-1]:
        raise MetricError(
            f"scores from {s.min():g} to {s.max():g} lie outside the edges {bounds[0]:g} to {bounds[-1]:g}"
        )
    useful = np.histogram(s[y == 1], bounds)[0] / (y == 1).sum()
    others = np.histogram(s[y == 0], bounds)[0] / (y == 0).sum()
    return float(np.minimum(useful, others).sum())


def decisions(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, float]:
    """Metrics of the rule "useful where score >= threshold".

    Returns:
        `accuracy` at the natural prevalence, `majority_accuracy` of always choosing the larger class, `balanced_accuracy`
        (all 0 to 1, best 1) and `mcc`, Matthews' correlation (-1 to 1, best 1).

    Examples:
        >>> {name: round(value, 3) for name, value in decisions([0, 0, 0, 1], [1.0, 2.0, 3.0, 4.0], threshold=3.0).items()}
        {'accuracy': 0.75, 'majority_accuracy': 0.75, 'balanced_accuracy': 0.833, 'mcc': 0.577}
    """
    y, s = checked(labels, scores)
    guess = (s >= threshold).astype(np.int64)
    return {
        "accuracy": float(reference().accuracy_score(y, guess)),
        "majority_accuracy": float(max(y.mean(), 1 - y.mean())),
        "balanced_accuracy": float(reference().balanced_accuracy_score(y, guess)),
        "mcc": float(reference().matthews_corrcoef(y, guess)),
    }


def best_threshold(labels: ArrayLike, scores: ArrayLike) -> float:
    """The score from which on keeping has the best balanced accuracy; of equally good scores the lowest.

    It is one of the scores, never a value between two: between the scores of a predictor that has few, such as the quality of a
    JPEG, may lie others that are only met later, and whether they are kept would be an accident.

    Examples:
        >>> best_threshold([0, 0, 1, 1], [1.0, 2.0, 4.0, 9.0])
        4.0
    """
    y, s = checked(labels, scores)
    false, true, cuts = reference().roc_curve(y, s, drop_intermediate=False)
    useful, others = int(y.sum()), int((1 - y).sum())
    # Whole numbers, so that equally good cuts are equal whatever their shares round to.
    gap = np.rint(true * useful).astype(np.int64) * others - np.rint(false * others).astype(np.int64) * useful
    return float(cuts[len(cuts) - 1 - int(np.argmax(gap[::-1]))])


def checked(labels: ArrayLike, scores: ArrayLike) -> tuple[Ints, Floats]:
    """Labels and scores as arrays, after the checks that every metric needs.

    Examples:
        >>> checked([1, 1], [0.2, 0.3])
        Traceback (most recent call last):
        benchmark.core.errors.MetricError: all 2 rows are useful; both classes are needed
    """
    y, s = np.asarray(labels), np.asarray(scores, np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise MetricError(f"labels of shape {y.shape} and scores of shape {s.shape}; both must be (N,)")
    if not len(y):
        raise MetricError("no rows to measure")
    if not np.isin(y, (0, 1)).all():
        raise MetricError("labels must be 0 or 1")
    if not np.isfinite(s).all():
        raise MetricError(f"{int((~np.isfinite(s)).sum())} of {len(s)} scores are not finite")
    if y.min() == y.max():
        raise MetricError(f"all {len(y)} rows are {'useful' if y[0] else 'non-useful'}; both classes are needed")
    return y.astype(np.int64), s
