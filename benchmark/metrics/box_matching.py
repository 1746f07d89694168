"""Matches detections to objects by COCO's rule, for many images at once.

In order of falling score, each detection takes the object of its class with which it overlaps most among those that are still
free, if their intersection over union reaches a threshold (Lin et al., ECCV 2014). The matches are those of pycocotools'
COCOeval. Groups of objects (COCO's crowd regions) are not handled.

    matched = matched_scores(images, boxes, classes, scores, ...)     # score of each object's detection, 0 for a missed object
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def intersection_over_union(a: Floats, b: Floats) -> Floats:
    """IoU of boxes, pair by pair: (P, 4) and (P, 4) -> (P,); left, top, right, bottom in the same unit. 0 to 1.

    Examples:
        >>> intersection_over_union(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])).round(3).tolist()
        [0.333]
    """
    corners = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    common = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=1)
    union = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """All pairs of indices (i, j) with left[i] == right[j], ordered by i, then j.

    Examples:
        >>> left, right = pairs(np.array([1, 2]), np.array([2, 2, 1]))
        >>> left.tolist(), right.tolist()
        ([0, 1, 1], [2, 0, 1])
    """
    order = np.argsort(right, kind="stable")
    start, stop = np.searchsorted(right[order], left, "left"), np.searchsorted(right[order], left, "right")
    counts = stop - start
    first = np.repeat(np.arange(len(left)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[np.repeat(start, counts) + offset]


def matched_scores(
    images: Ints,
    boxes: Floats,
    classes: Ints,
    scores: Floats,
    *,
    object_images: Ints,
    object_boxes: Floats,
    object_classes: Ints,
    iou: float = 0.5,
) -> Floats:
    """The score of the detection that matches each object; 0 where none does.

    Args:
        images: image of each detection, any integers, shape (D,).
        boxes: left, top, right, bottom of each detection, shape (D, 4).
        classes: class of each detection, below 1,000, shape (D,).
        scores: score of each detection, above 0, shape (D,).
        object_images: image of each object, by the same integers, shape (G,).
        object_boxes: box of each object, shape (G, 4).
        object_classes: class of each object, shape (G,).
        iou: least intersection over union.

    Returns:
        Shape (G,).

    Examples:
        >>> box, two, kinds = np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0, 1]), np.array([5, 5])
        >>> objects = {"object_images": two, "object_boxes": np.repeat(box, 2, axis=0), "object_classes": kinds}
        >>> matched_scores(two[:1], box, kinds[:1], np.array([0.9]), **objects).tolist()
        [0.9, 0.0]
    """
    matched = np.zeros(len(object_images))
    detection, thing = pairs(images * 1000 + classes, object_images * 1000 + object_classes)
    overlap = intersection_over_union(boxes[detection], object_boxes[thing])
    near = overlap >= min(iou, 1 - 1e-10)
    detection, thing, overlap = detection[near], thing[near], overlap[near]
    # In each turn, the best free detection of each image and class takes the best free object.
    order = np.lexsort((thing, overlap, -detection, scores[detection]))[::-1]
    detection, thing = detection[order], thing[order]
    group = images[detection] * 1000 + classes[detection]
    while len(detection):
        _, first = np.unique(group, return_index=True)
        matched[thing[first]] = scores[detection[first]]
        done = np.isin(detection, detection[first]) | np.isin(thing, thing[first])
        detection, thing, group = detection[~done], thing[~done], group[~done]
    return matched
