"""Utility and labels exactly as the paper defines them, as pure functions of NumPy arrays.

Source: Khan, Valenzise, Chetouani, Dufaux, "Towards an Image Utility Assessment Framework for Machine Perception",
EUSIPCO 2022, section IV. `phi` is a network's confidence in the ground truth on the distorted image, and `phi_pristine` that on
the pristine one. The calibration of temperatures is not in the paper.

    >>> round(float(utility(0.7, 0.9)), 2)
    0.33
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from benchmark.core.errors import LabelError

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
UNLABELLED = -1
"""The value in arrays of labels for neither useful (1) nor non-useful (0)."""
ROWS = 512
"""Number of rows of logits that are summed at once: 4 MB of a thousand classes, while all of ImageNet's would be 10 GB."""
RECOGNITION = 0.5
"""phi_rec, the threshold below which a prediction is rejected. The paper gives no value; this one is our choice."""


def utility(phi: ArrayLike, phi_pristine: ArrayLike, *, phi_rec: float = RECOGNITION) -> Floats:
    """Continuous utility (Eq. 2): (phi - phi_rec) / (1 - (phi_pristine - phi_rec)).

    Args:
        phi: confidences on the distorted images, 0 to 1, any shape.
        phi_pristine: confidences on the pristine images, 0 to 1, broadcast against `phi`.
        phi_rec: recognition threshold; it is above 0, since the quotient could diverge at 0.

    Returns:
        Higher is more useful; -1 to 1 at phi_rec = 0.5; negative where phi < phi_rec. Rounded to 12 decimals.

    Raises:
        LabelError: a confidence is outside 0..1, or phi_rec outside (0, 1].

    Examples:
        >>> utility([0.9, 0.5, 0.2], 0.9).round(3).tolist()
        [0.667, 0.0, -0.5]
    """
    phi, pristine = confidences(phi), confidences(phi_pristine)
    if not 0 < phi_rec <= 1:
        raise LabelError(f"phi_rec is {phi_rec}; it lies above 0 and is at most 1")
    return np.round((phi - phi_rec) / (1 - (pristine - phi_rec)), 12)


def correct(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.bool_]:
    """Binary utility of a classification (Eq. 5): the predicted class is the ground truth.

    Examples:
        >>> correct(predicted=[3, 4], truth=[3, 5]).tolist()
        [True, False]
    """
    return np.asarray(predicted) == np.asarray(truth)


def threshold_labels(
    phi: ArrayLike, right: ArrayLike, right_pristine: ArrayLike, *, high: float = 0.9, low: float = 0.1
) -> Labels:
    """Labels of one network (paper, section IV): useful, non-useful or neither.

    Args:
        phi: confidence in the true class on the distorted image (the paper's CCSP), 0 to 1, shape (N,).
        right: whether the distorted image is classified correctly, shape (N,).
        right_pristine: whether its pristine version is, shape (N,).
        high: T_H; an image is useful where it is right and phi > T_H.
        low: T_L; an image is non-useful where it is wrong and phi < T_L.

    Returns:
        int8 (N,): 1 useful, 0 non-useful, -1 unlabelled. All -1 where the pristine version is wrong.

    Raises:
        LabelError: a confidence is outside 0..1, or not 0 <= low <= high <= 1.

    Examples:
        >>> threshold_labels([0.95, 0.05, 0.95], right=[True, False, True], right_pristine=[True, True, False]).tolist()
        [1, 0, -1]
    """
    if not 0 <= low <= high <= 1:
        raise LabelError(f"thresholds are low {low}, high {high}; they must be 0 <= low <= high <= 1")
    phi, right, pristine = confidences(phi), np.asarray(right, bool), np.asarray(right_pristine, bool)
    labels = np.full(phi.shape, UNLABELLED, np.int8)
    labels[pristine & right & (phi > high)] = 1
    labels[pristine & ~right & (phi < low)] = 0
    return labels


def retention_labels(
    retained: ArrayLike, pristine: ArrayLike, *, share: float = 0.0, pristine_must_succeed: bool = True
) -> Labels:
    """Labels of one detector (paper, section IV): useful where objects that it detects in the pristine image are retained.

    Args:
        retained: number of objects detected in both images, shape (N,).
        pristine: number of objects detected in the pristine image, at least as many, shape (N,).
        share: least share of them that must be retained; at least one object must be retained in any case.
        pristine_must_succeed: whether an image is unlabelled (our choice) or non-useful (the paper's text) if nothing is
            detected in its pristine version.

    Returns:
        int8 (N,): 1 useful, 0 non-useful, -1 unlabelled.

    Raises:
        LabelError: more objects are retained than were detected.

    Examples:
        >>> retention_labels(retained=[2, 0, 0], pristine=[2, 3, 0]).tolist()
        [1, 0, -1]
    """
    both, before = np.asarray(retained), np.asarray(pristine)
    if (both > before).any() or (both < 0).any():
        raise LabelError("objects retained must be between 0 and those detected in the pristine image")
    labels = ((both > 0) & (both >= share * before)).astype(np.int8)
    if pristine_must_succeed:
        labels[before == 0] = UNLABELLED
    return labels


def unanimous(labels: ArrayLike) -> Labels:
    """Combined labels: 1 where all networks give 1, 0 where all give 0, else -1. Shape (networks, N) -> (N,).

    Examples:
        >>> unanimous([[1, 0, 1], [1, 0, 0]]).tolist()
        [1, 0, -1]
    """
    table = per_network(labels)
    combined = np.full(table.shape[1:], UNLABELLED, np.int8)
    combined[(table == 1).all(axis=0)] = 1
    combined[(table == 0).all(axis=0)] = 0
    return combined


def majority(decisions: ArrayLike) -> Labels:
    """Majority vote on Eq. 5 decisions (0 or 1), shape (networks, N) -> (N,); -1 at a tie.

    Examples:
        >>> majority([[1, 0, 1], [1, 0, 0], [1, 1, 0]]).tolist()
        [1, 0, 0]
    """
    table = per_network(decisions)
    if not np.isin(table, (0, 1)).all():
        raise LabelError("a majority is a vote on decisions that are 0 or 1")
    twice = 2 * table.astype(np.int64).sum(axis=0) - len(table)
    return np.where(twice > 0, 1, np.where(twice < 0, 0, UNLABELLED)).astype(np.int8)


def mean(utilities: ArrayLike) -> Floats:
    """Mean of the networks' continuous utilities (Eq. 3), shape (networks, N) -> (N,).

    Examples:
        >>> mean([[0.2, -0.4], [0.4, 0.8]]).round(3).tolist()
        [0.3, 0.2]
    """
    return np.asarray(per_network(utilities).mean(axis=0), np.float64)


def maximum(utilities: ArrayLike) -> Floats:
    """Largest of the networks' continuous utilities (Eq. 3), shape (networks, N) -> (N,).

    Examples:
        >>> maximum([[0.2, -0.4], [0.4, 0.8]]).tolist()
        [0.4, 0.8]
    """
    return np.asarray(per_network(utilities).max(axis=0), np.float64)


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The temperature T that minimises the negative log-likelihood of softmax(logits / T).

    Args:
        logits: shape (N, K).
        truth: index of the true class, shape (N,).

    Returns:
        T, between 0.05 and 20; below 1, the network was under-confident.

    Raises:
        LabelError: there are no rows.

    Examples:
        >>> round(fit_temperature([[8, 0], [8, 0], [8, 0], [8, 0]], truth=[0, 0, 0, 1]), 1)     # sure, and wrong in a quarter
        7.3
    """
    from scipy.optimize import minimize_scalar  # slow to import; a list of suites does not need it

    table, index = np.asarray(logits), np.asarray(truth)
    if not len(table):
        raise LabelError("a temperature cannot be fitted to no images")
    true = table[np.arange(len(table)), index].astype(np.float64)

    def loss(log_t: float) -> float:
        t = np.exp(log_t)
        parts = (table[start : start + ROWS].astype(np.float64) for start in range(0, len(table), ROWS))
        return float(np.mean(np.concatenate([logsumexp(part / t, axis=1) for part in parts]) - true / t))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def confidences(values: ArrayLike) -> Floats:
    """The values as float64, checked to lie in 0..1 except for rounding errors.

    Examples:
        >>> confidences([1.0000001, 0.5]).tolist()
        [1.0, 0.5]
    """
    array = np.asarray(values, np.float64)
    if (wrong := ~((array >= -1e-6) & (array <= 1 + 1e-6))).any():  # NaN is neither
        raise LabelError(f"{wrong.sum()} confidences are not finite or outside 0..1, such as {array[wrong][0]:g}")
    return np.clip(array, 0, 1)


def per_network(values: ArrayLike) -> NDArray[np.generic]:
    """The values as an array of shape (networks, ...) with at least one network.

    Examples:
        >>> per_network([])
        Traceback (most recent call last):
        benchmark.core.errors.LabelError: no network to combine
    """
    array = np.asarray(values)
    if array.ndim < 1 or not len(array):
        raise LabelError("no network to combine")
    return array
