"""Steps of accumulating matches into average precision, as COCOeval does it; `benchmark.metrics.mean_ap` takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECALLS = np.linspace(0, 1, 101)


def segments(chosen: NDArray[np.bool_], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the chosen detections (10, D), threshold by threshold, and the start of each class among them.

    Examples:
        >>> segments(np.array([[True, False, True], [False, False, True]]), starts=np.array([0, 2, 3]))
        (array([0, 2, 2]), array([0, 1, 2, 2, 3]))
    """
    indices = [np.flatnonzero(row) for row in chosen]
    ends = np.cumsum([0, *(len(selected) for selected in indices)])
    bounds = [end + np.searchsorted(selected, starts[:-1]) for selected, end in zip(indices, ends, strict=False)]
    return np.concatenate(indices), np.concatenate([*bounds, ends[-1:]])


def summed(weights: NDArray[np.integer]) -> NDArray[np.int64]:
    """Sums of the first 0, 1, ..., N weights, shape (N + 1,).

    Examples:
        >>> summed(np.array([1, 2, 3])).tolist()
        [0, 1, 3, 6]
    """
    sums = np.zeros(len(weights) + 1, np.int64)
    np.cumsum(weights, out=sums[1:])
    return sums
