"""Consensus of detectors: the objects that a majority of them finds, for photographs of which nobody has given a truth.

Boxes are fused by weighted averages (Solovyev, Wang & Gabruseva, Image and Vision Computing 2021; package `ensemble-boxes`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError

IOU = 0.5
"""Least intersection over union of two boxes that are of one object."""


def fused_objects(
    boxes: Sequence[NDArray[np.float64]], scores: Sequence[NDArray[np.float64]], classes: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The objects that more than half of the detectors find, each as the mean of their boxes, weighted by scores.

    Args:
        boxes: of each detector, left, top, right and bottom in shares of the image's sides, 0 to 1, shape (D, 4); only clear
            detections.
        scores: of each detector, above 0 and at most 1, shape (D,).
        classes: of each detector, from 0, shape (D,).

    Returns:
        Boxes of the objects, shape (G, 4), and their classes, shape (G,), sorted by class and then by falling score.

    Raises:
        MetricError: there is no detector.

    Examples:
        >>> box = np.array([[0.0, 0.0, 0.5, 0.5]])
        >>> both = [box, box + 0.05], [np.array([1.0])] * 2, [np.array([3])] * 2
        >>> [values.round(3).tolist() for values in fused_objects(*both)]
        [[[0.025, 0.025, 0.525, 0.525]], [3]]
        >>> fused_objects([box, box], [np.array([1.0])] * 2, [np.array([3]), np.array([4])])[1].tolist()
        []
    """
    from ensemble_boxes import weighted_boxes_fusion
    from pycocotools import mask

    if not boxes:
        raise MetricError("a consensus of no detectors is not defined")
    sized = [values[:, 2:] > values[:, :2] for values in boxes]
    rows = [both.all(axis=1) for both in sized]
    given = [[values[kept] for values, kept in zip(column, rows, strict=True)] for column in (boxes, scores, classes)]
    if not sum(map(len, given[0])):
        return np.zeros((0, 4)), np.zeros(0, np.int64)
    fused, weights, numbers = weighted_boxes_fusion(*given, iou_thr=IOU, skip_box_thr=0.0)
    order = np.lexsort((-weights, numbers))
    fused, numbers = fused[order], numbers[order].astype(np.int64)
    votes = np.zeros(len(fused), np.int64)
    for own, kinds in zip(given[0], given[2], strict=True):
        if len(own):
            overlaps = mask.iou(extents(own), extents(fused), [0] * len(fused))
            votes += ((overlaps >= IOU) & (kinds[:, None] == numbers)).any(axis=0)
    majority = 2 * votes > len(boxes)
    return np.asarray(fused[majority], np.float64), numbers[majority]


def extents(boxes: ArrayLike) -> NDArray[np.float64]:
    """Boxes (D, 4) as left, top, width and height.

    Examples:
        >>> extents([[1, 2, 4, 6]]).tolist()
        [[1.0, 2.0, 3.0, 4.0]]
    """
    corners = np.asarray(boxes, np.float64)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
