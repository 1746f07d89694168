"""Mean average precision (COCO) over any selection of images, from matches that are computed once.

Matching detections to objects is slow and depends on one image alone; accumulating matches into precision and recall is fast
and depends on all images. Therefore `match` runs pycocotools once on every image, and `mean_ap` accumulates any selection of
images, with repeats, as COCOeval.accumulate does: each predictor, random filter or resample takes about a millisecond, if it is
of a thousand images.

    matches = match(objects, detections, classes)        # one entry per image in each list
    mean_ap(matches, np.array([0, 1, 1, 4]))             # images 0, 1 twice, and 4

An image that is selected k times has weight k, as if each of its detections occurred k times in a row. COCOeval gives the same
on copies of the image, unless two detections of one image and class have the same score. Precision rises only at true
positives, so its envelope is needed only there, and all classes and thresholds are processed at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.metrics.matches import IOU_THRESHOLDS, Matches, summed

RECALLS = np.linspace(0, 1, 101)


def mean_ap(matches: Matches, images: ArrayLike) -> float:
    """Mean over classes and IoU thresholds of the average precision on the chosen images. 0 to 1, best 1.

    Args:
        matches: the matches of all images.
        images: indices of the chosen images, shape (M,); an image may occur several times.

    Raises:
        MetricError: the chosen images hold no object.

    Examples:
        >>> from benchmark.core.types import Objects
        >>> from benchmark.core.types import Detections
        >>> from benchmark.metrics.matches import match
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> mean_ap(match([truth], [found], classes=1), images=[0])
        1.0
    """
    return weighted_mean_ap(matches, np.bincount(np.asarray(images, np.int64), minlength=len(matches.objects)))


def weighted_mean_ap(matches: Matches, counts: NDArray[np.integer]) -> float:
    """The result of `mean_ap` where `counts` says how often each image occurs, shape (N,).

    Examples:
        >>> from benchmark.core.types import Objects
        >>> from benchmark.core.types import Detections
        >>> from benchmark.metrics.matches import match
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> weighted_mean_ap(match([truth], [found], classes=1), counts=np.array([2]))
        1.0
    """
    objects = (counts.astype(np.float64) @ matches.objects_as_floats).astype(np.int64)
    if not objects.any():
        raise MetricError("the images hold no object, so there is no average precision")
    most = max(len(matches.images), len(matches.ignored)) * int(counts.max())
    weights: NDArray[Any] = counts.astype(np.int32 if most < 2**31 else np.int64)
    repeats = weights[matches.true_positive_images]
    occurring = np.flatnonzero(repeats > 0)  # the others change nothing, and in a resample of few images they are most
    repeats, owner, kind = repeats[occurring], matches.owner[occurring], matches.true_positive_classes[occurring]
    number = objects[kind]
    first = np.r_[True, owner[1:] != owner[:-1]][: len(owner)]
    true = np.cumsum(repeats)
    hits = true - np.maximum.accumulate(np.where(first, true - repeats, 0))
    detected, dropped = summed(weights[matches.images]), summed(weights[matches.ignored_images])
    counted = detected[matches.true_positives[occurring] + 1] - detected[matches.starts][kind]
    counted -= dropped[matches.ignored_before[occurring]] - dropped[matches.ignored_starts][owner]
    lift = 2.0 * (len(matches.true_positive_starts) - owner)  # separates the segments' running maxima
    envelope = np.maximum.accumulate((hits / (counted + np.spacing(1)) + lift)[::-1])[::-1] - lift
    # Precision is read at each of 101 recalls, at the first true positive of its segment that reaches it.
    reached = np.searchsorted(RECALLS, hits / np.maximum(number, 1), side="right")
    reached_before = np.where(first, 0, np.r_[0, reached][:-1])
    heights = envelope * (reached - reached_before) * (number > 0)
    return float(heights.sum() / (len(IOU_THRESHOLDS) * len(RECALLS) * np.count_nonzero(objects)))
